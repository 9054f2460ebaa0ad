import assert from "node:assert/strict";
import { test } from "node:test";

import { isInvalidArgument, messageOf } from "#errors";

import { exposedPorts } from "../exposedPorts.ts";
import { expandInstruction } from "../expandInstruction.ts";
import { expandWord } from "../expandWord.ts";
import { createIgnoreMatcher } from "../ignoreMatcher.ts";
import { parseDockerfile } from "../parseDockerfile.ts";
import { parseStages } from "../parseStages.ts";
import { checkOptionsOf, parseCheckOptions } from "./checkOptions.ts";
import { lintBasePlatform, lintDefaultBase, lintFrom } from "./fromRules.ts";
import { createLinter, type Linter, type LintWarning, shortLintText } from "./linter.ts";
import { StageLinter } from "./stageLinter.ts";

/** What the rules of words find, as a build shows it. */
function wordsOf(text: string): readonly string[] {
  const warnings: LintWarning[] = [];
  parseStages(
    parseDockerfile(text),
    createLinter(checkOptionsOf(text), (warning) => warnings.push(warning)),
  );
  return warnings.map(shortLintText);
}

test("lint: names of stages and casing", () => {
  assert.deepEqual(wordsOf("FROM scratch AS BadName"), [
    "StageNameCasing: Stage name 'BadName' should be lowercase (line 1)",
  ]);
  assert.deepEqual(wordsOf("FROM scratch as base\nFROM scratch AS base\nFROM scratch AS context"), [
    "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
    'DuplicateStageName: Duplicate stage name "base", stage names should be unique (line 2)',
    'ReservedStageName: Stage name should not use the same name as reserved stage "context" (line 3)',
  ]);
  assert.deepEqual(wordsOf("From scratch as a\nCOPY a .\nrun x\nENV a=b"), [
    "ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase) (line 1)",
    "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 3)",
  ]);
  assert.deepEqual(wordsOf("from scratch as a\ncopy a .\nRUN x"), [
    "ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase) (line 3)",
  ]);
});

test("lint: grammar, MAINTAINER, descriptions", () => {
  assert.deepEqual(wordsOf("FROM scratch\nRUN a \\\n\n  b\nMAINTAINER me"), [
    "NoEmptyContinuation: Empty continuation line (line 4)",
    "MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 5)",
  ]);
  const described = [
    "# check=experimental=InvalidDefinitionDescription",
    "# bar this is the bar",
    "ARG foo=bar",
    "# BasE this is the BasE image",
    "FROM scratch AS base",
    "# version is fine",
    "ARG version=latest",
    "# a bad comment",
    "ARG foo=baz bar=qux",
    "#",
    "ARG bit=bat",
    "# a comment for something else",
    "COPY Dockerfile .",
  ].join("\n");
  assert.deepEqual(wordsOf(described), [
    "InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>` (line 3)",
    "InvalidDefinitionDescription: Comment for FROM should follow the format: `# base <description>` (line 5)",
    "InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>` (line 9)",
  ]);
  assert.deepEqual(wordsOf(described.replace("# check=experimental=InvalidDefinitionDescription", "")), []);
});

test("lint: what was found before an error is told", () => {
  const warnings: LintWarning[] = [];
  const linter = createLinter(parseCheckOptions(""), (warning) => warnings.push(warning));
  assert.throws(() => parseStages(parseDockerfile("FROM scratch AS A\nBADCMD"), linter), isInvalidArgument);
  assert.deepEqual(
    warnings.map(({ rule }) => rule),
    ["StageNameCasing"],
  );
});

test("lint: check options", () => {
  assert.deepEqual(wordsOf("# check=skip=StageNameCasing, FromAsCasing\nFROM scratch AS A"), []);
  assert.deepEqual(wordsOf("# check=skip=all\nFROM scratch as A"), []);
  assert.deepEqual(wordsOf("#\n# check=skip=StageNameCasing\nFROM scratch AS A\n"), []);
  assert.equal(wordsOf("#\n# check=skip=StageNameCasing\nFROM scratch AS A\n\n#\nFROM scratch AS B").length, 1);
  assert.deepEqual(parseCheckOptions("skip=A,B;experimental=all;error=true"), {
    skip: ["A", "B"],
    experimental: "all",
    error: true,
  });
  assert.deepEqual(checkOptionsOf("# check=error=true\nFROM scratch", "skip=all"), {
    skip: "all",
    experimental: [],
    error: false,
  });
  const wrong: readonly (readonly [string, string])[] = [
    ["skip", 'failed to parse check options: invalid check option "skip"'],
    ["no=x", 'failed to parse check options: invalid check option "no"'],
    [
      "error=maybe",
      'failed to parse check options: failed to parse check option "error=maybe": strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => checkOptionsOf(`# check=${options}\nFROM scratch`),
      (error) => messageOf(error) === message,
    );
  }
});

test("lint: a violation names its rules", () => {
  const linter = createLinter(parseCheckOptions("error=true"), () => {});
  assert.equal(linter.violation(), undefined);
  linter.report("StageNameCasing", { start: 1, end: 1 }, "x");
  linter.withComments(["check=skip=UndefinedVar"]).report("FromAsCasing", { start: 1, end: 1 }, "x");
  assert.equal(linter.violation()?.message, "lint violation found for rules: StageNameCasing, FromAsCasing");
});

interface Found {
  readonly warnings: LintWarning[];
  readonly linter: Linter;
}

function finder(): Found {
  const warnings: LintWarning[] = [];
  return { warnings, linter: createLinter(parseCheckOptions(""), (warning) => warnings.push(warning)) };
}

function fromOf(text: string, variables: Readonly<Record<string, string>>, constant = false): readonly string[] {
  const { warnings, linter } = finder();
  const [stage] = parseStages(parseDockerfile(text)).stages;
  assert.ok(stage !== undefined);
  const values = new Map(Object.entries(variables));
  lintFrom(
    stage,
    {
      base: expandWord(stage.baseName, values),
      platform: stage.platform === undefined ? undefined : expandWord(stage.platform, values),
      parsedPlatform: constant ? { os: "linux", architecture: "arm64" } : undefined,
      known: [...values.keys()],
      targetPlatform: values.get("TARGETPLATFORM") ?? "",
    },
    linter,
  );
  return warnings.map(shortLintText);
}

test("lint: FROM", () => {
  const predefined = { TARGETPLATFORM: "linux/amd64", BUILDPLATFORM: "linux/amd64" };
  assert.deepEqual(fromOf("FROM a$tga", { tag: "x" }), [
    "UndefinedArgInFrom: FROM argument 'tga' is not declared (did you mean tag?) (line 1)",
  ]);
  assert.deepEqual(fromOf("FROM --platform=$BULIDPLATFORM scratch", predefined), [
    "UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?) (line 1)",
  ]);
  assert.deepEqual(fromOf("FROM --platform=$TARGETPLATFORM scratch", predefined), [
    "RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior (line 1)",
  ]);
  assert.deepEqual(fromOf("FROM --platform=$BUILDPLATFORM scratch", predefined), []);
  assert.deepEqual(fromOf("FROM --platform=linux/arm64 scratch AS x", predefined, true), [
    'FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64" (line 1)',
  ]);
  assert.deepEqual(fromOf("FROM --platform=linux/arm64 scratch AS build_arm64", predefined, true), []);
  const { warnings, linter } = finder();
  const [stage] = parseStages(parseDockerfile("FROM busybox:$TAG")).stages;
  assert.ok(stage !== undefined);
  lintDefaultBase(stage, linter);
  lintBasePlatform(stage, { name: "a", expected: "linux/amd64", actual: "linux/arm64" }, linter);
  assert.deepEqual(warnings.map(shortLintText), [
    "InvalidDefaultArgInFrom: Default value for ARG busybox:$TAG results in empty or invalid base image name (line 1)",
    'InvalidBaseImagePlatform: Base image a was pulled with platform "linux/arm64", expected "linux/amd64" for current build (line 1)',
  ]);
  assert.equal(warnings[1]?.url, "");
});

function stageOf(
  lines: readonly string[],
  base?: readonly string[],
  ignore: readonly string[] = [],
): readonly string[] {
  const { warnings, linter } = finder();
  const ignored = ignore.length === 0 ? undefined : createIgnoreMatcher(ignore);
  const run = (text: readonly string[], stageLinter: StageLinter): StageLinter => {
    const variables = new Map([["HOME_DIR", "/root"]]);
    const declared: string[] = [];
    let shell = false;
    const [stage] = parseStages(parseDockerfile(["FROM scratch", ...text].join("\n"))).stages;
    for (const written of stage?.instructions ?? []) {
      const { instruction, undefinedNames } = expandInstruction(written, variables);
      const contextSources = instruction.kind === "copy" || instruction.kind === "add" ? instruction.sources : [];
      const known = [...variables.keys()];
      stageLinter.lint(instruction, { undefinedNames, declared, known, shell, contextSources, ignored });
      if (instruction.kind === "shell") shell = true;
      if (instruction.kind === "arg") declared.push(...instruction.args.map(({ key }) => key));
      if (instruction.kind === "env") for (const { key, value } of instruction.variables) variables.set(key, value);
    }
    return stageLinter;
  };
  run(lines, new StageLinter(linter, base === undefined ? undefined : run(base, new StageLinter(linter))));
  return warnings.map(shortLintText);
}

test("lint: instructions of a stage", () => {
  assert.deepEqual(stageOf(["CMD a", "ENTRYPOINT b", 'CMD ["c"]']), [
    "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 2)",
    "JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals (line 3)",
    "MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used (line 2)",
  ]);
  assert.deepEqual(stageOf(['SHELL ["/bin/bash"]', "cmd a"]), []);
  assert.deepEqual(stageOf(["ENV a b", "label c d"]), [
    'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)',
    'LegacyKeyValueFormat: "label key=value" should be used instead of legacy "label key value" format (line 3)',
  ]);
  assert.deepEqual(stageOf(["WORKDIR app", "WORKDIR more"]), [
    'WorkdirRelativePath: Relative workdir "app" can have unexpected results if the base image changes (line 2)',
  ]);
  assert.deepEqual(stageOf(["WORKDIR app"], ["WORKDIR /x"]), []);
  assert.deepEqual(stageOf(["ARG API_KEY", "ENV DB_PASSWORD=a TOKEN_FILE=b mypassword=c"]), [
    'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY") (line 2)',
    'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "DB_PASSWORD") (line 3)',
  ]);
  assert.deepEqual(
    stageOf(["ARG given", "COPY $HOEM_DIR $given $x $x /", "EXPOSE $none", "# check=skip=UndefinedVar", "USER $y"]),
    [
      "UndefinedVar: Usage of undefined variable '$HOEM_DIR' (did you mean $HOME_DIR?) (line 3)",
      "UndefinedVar: Usage of undefined variable '$x' (line 3)",
      "UndefinedVar: Usage of undefined variable '$x' (line 3)",
    ],
  );
});

test("lint: files that the ignore file leaves out", () => {
  assert.deepEqual(stageOf(["COPY Dockerfile a /", "ADD ./Dockerfile /x"], undefined, ["Dockerfile"]), [
    'CopyIgnoredFile: Attempting to Copy file "Dockerfile" that is excluded by .dockerignore (line 2)',
    'CopyIgnoredFile: Attempting to Add file "Dockerfile" that is excluded by .dockerignore (line 3)',
  ]);
  assert.deepEqual(stageOf(["COPY Dockerfile /"], undefined, ["Dockerfile", "!x"]), []);
  assert.deepEqual(stageOf(["COPY . /"], undefined, ["?"]), []);
  assert.equal(stageOf(["COPY . /"], undefined, ["**"]).length, 1);
});

test("EXPOSE: ports, ranges, and what is refused", () => {
  const { warnings, linter } = finder();
  const at = { start: 2, end: 2 };
  assert.deepEqual(
    exposedPorts(["80", "81/UDP", "8000-8002/sctp", "1.2.3.4:90:91", "[::1]:92:93", "6-6"], at, linter),
    ["80/tcp", "81/udp", "8000/sctp", "8001/sctp", "8002/sctp", "91/tcp", "93/tcp", "6/tcp"],
  );
  assert.deepEqual(warnings.map(shortLintText), [
    "ExposeProtoCasing: Defined protocol '81/UDP' in EXPOSE instruction should be lowercase (line 2)",
    "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1.2.3.4:90:91' (line 2)",
    "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '[::1]:92:93' (line 2)",
  ]);
  const wrong: readonly (readonly [string, string])[] = [
    ["x", "invalid containerPort: x"],
    ["70000", "invalid containerPort: 70000"],
    ["9-8", "invalid containerPort: 9-8"],
    ["80/http", 'invalid port: "80/http": invalid proto: http'],
    ["/tcp", 'invalid port: "/tcp": no port specified'],
    ["y:80", "invalid hostPort: y"],
    ["1.2.3:80:80", "invalid IP address: 1.2.3"],
    ["1-2:80-83", "invalid ranges specified for container and host Ports: 80-83 and 1-2"],
  ];
  for (const [word, message] of wrong) {
    assert.throws(
      () => exposedPorts([word], at),
      (error) => messageOf(error) === message,
      word,
    );
  }
});
