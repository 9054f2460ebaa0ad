import assert from "node:assert/strict";
import { test } from "node:test";

import { messageOf } from "#errors";

import { sourceOf } from "./dockerfileError.ts";
import { expandInstruction } from "./expandInstruction.ts";
import type { Instruction, Stages } from "./instruction.ts";
import { parseDockerfile } from "./parseDockerfile.ts";
import { parseStages, parseTrigger } from "./parseStages.ts";

const stagesOf = (text: string): Stages => parseStages(parseDockerfile(text));

function one(line: string): Instruction {
  const [instruction] = stagesOf(`FROM a\n${line}`).stages[0]?.instructions ?? [];
  assert.ok(instruction);
  return instruction;
}

/** An instruction's own fields. */
function own(instruction: Instruction): Readonly<Record<string, unknown>> {
  const { keyword, original, location, comments, ...fields } = instruction;
  assert.ok(keyword !== "" && original !== "" && location.start > 0 && comments.length >= 0);
  return fields;
}

function wrong(text: string): string {
  try {
    stagesOf(text);
  } catch (error) {
    assert.notEqual(sourceOf(error), undefined);
    return messageOf(error);
  }
  return "";
}

test("stages: names, platforms, meta args, descriptions", () => {
  const { metaArgs, stages } = stagesOf(
    "# v the version\nARG v=1 w\n# build makes it\nfrom --platform=$BUILDPLATFORM a:$v AS Build\nARG v\nFROM build\n",
  );
  assert.deepEqual(metaArgs[0]?.args, [
    { key: "v", value: "1", description: "the version" },
    { key: "w", description: "" },
  ]);
  assert.deepEqual(
    stages.map(({ name, baseName, platform, description, instructions }) => [
      name,
      baseName,
      platform,
      description,
      instructions.length,
    ]),
    [
      ["build", "a:$v", "$BUILDPLATFORM", "makes it", 1],
      [undefined, "build", undefined, "", 0],
    ],
  );
});

test("stages: COPY and ADD", () => {
  assert.deepEqual(
    own(one("COPY --from=x --chown=a:b --chmod=u=rwX --link --parents --exclude=*.o --exclude=y <<-E s d/\n\tq $x\nE")),
    {
      kind: "copy",
      from: "x",
      chown: "a:b",
      chmod: "u=rwX",
      link: true,
      parents: true,
      exclude: ["*.o", "y"],
      sources: ["s"],
      contents: [{ path: "E", data: "q $x\n", expand: true }],
      destination: "d/",
    },
  );
  assert.deepEqual(own(one('ADD --checksum=sha256:a --keep-git-dir=false --unpack ["a b", "c"]')), {
    kind: "add",
    chown: "",
    chmod: "",
    link: false,
    exclude: [],
    checksum: "sha256:a",
    keepGitDir: false,
    unpack: true,
    sources: ["a b"],
    contents: [],
    destination: "c",
  });
});

test("stages: RUN", () => {
  const run = one(
    "RUN --mount=type=cache,target=$d,id=q --mount=from=a,dst=/x --network=none --security=insecure --device=v=1,required make",
  );
  assert.ok(run.kind === "run");
  assert.deepEqual(run.command, { words: ["make"], shellForm: true, heredocs: [] });
  assert.deepEqual([run.network, run.security, run.devices], ["none", "insecure", [{ name: "v=1", required: true }]]);
  assert.deepEqual(run.flagsUsed, ["mount", "network", "security", "device"]);
  assert.deepEqual(
    run.mounts.map((mount) => mount.from),
    ["", "a"],
  );
  const expanded = expandInstruction(run, new Map([["d", "/c"]])).instruction;
  assert.ok(expanded.kind === "run");
  assert.deepEqual(
    expanded.mounts.map(({ type, target, id, readOnly }) => [type, target, id, readOnly]),
    [
      ["cache", "/c", "q", false],
      ["bind", "/x", "", true],
    ],
  );
});

test("stages: every other instruction", () => {
  const table: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    [
      "ENV a=1 b=2",
      {
        kind: "env",
        variables: [
          { key: "a", value: "1", legacy: false },
          { key: "b", value: "2", legacy: false },
        ],
      },
    ],
    ["LABEL a b c", { kind: "label", labels: [{ key: "a", value: "b c", legacy: true }] }],
    ["EXPOSE 90/udp 80", { kind: "expose", ports: ["80", "90/udp"] }],
    ["VOLUME /a /b", { kind: "volume", volumes: ["/a", "/b"] }],
    ["USER a:b", { kind: "user", user: "a:b" }],
    ["WORKDIR /a b", { kind: "workdir", path: "/a b" }],
    ["STOPSIGNAL 9", { kind: "stopsignal", signal: "9" }],
    ["MAINTAINER me", { kind: "maintainer", maintainer: "me" }],
    ['SHELL ["a", "-c"]', { kind: "shell", shell: ["a", "-c"] }],
    ["CMD a b", { kind: "cmd", command: { words: ["a b"], shellForm: true, heredocs: [] } }],
    ["ENTRYPOINT []", { kind: "entrypoint", command: { words: [], shellForm: false, heredocs: [] } }],
    ["ONBUILD RUN <<E\nx\nE", { kind: "onbuild", expression: "RUN <<E\nx\nE" }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=3 CMD ["a"]',
      {
        kind: "healthcheck",
        health: { test: ["CMD", "a"], interval: 90e9, timeout: 1.5e9, startPeriod: 0, startInterval: 0, retries: 3 },
      },
    ],
    [
      "HEALTHCHECK NONE",
      {
        kind: "healthcheck",
        health: { test: ["NONE"], interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 },
      },
    ],
  ];
  for (const [line, expected] of table) assert.deepEqual(own(one(line)), expected, line);
  assert.equal(parseTrigger("RUN <<E\nx\nE").kind, "run");
});

test("stages: expansion of the fields that expand", () => {
  const variables = new Map([["v", "1 2"]]);
  const expanded = (line: string): Readonly<Record<string, unknown>> =>
    own(expandInstruction(one(line), variables).instruction);
  assert.deepEqual(expanded("EXPOSE $v"), { kind: "expose", ports: ["1", "2"] });
  assert.deepEqual(expanded("ENV a='$v'$v")["variables"], [{ key: "a", value: "$v1 2", legacy: false }]);
  assert.deepEqual(expanded(`COPY <<E /$v\nit's "$v"\nE`)["contents"], [
    { path: "E", data: `it's "1 2"\n`, expand: true },
  ]);
  assert.deepEqual(expanded(`COPY <<'E' /\n$v\nE`)["contents"], [{ path: "E", data: "$v\n", expand: false }]);
  const { matched, unmatched } = expandInstruction(one("USER $v:$w"), variables);
  assert.deepEqual([[...matched], [...unmatched]], [["v"], ["w"]]);
  assert.deepEqual(expanded("CMD $v")["command"], { words: ["$v"], shellForm: true, heredocs: [] });
});

test("stages: wrong ones in BuildKit's words", () => {
  const table: readonly (readonly [string, string])[] = [
    ["FOOBAR x", "unknown instruction: FOOBAR"],
    ["COPPY a b", "unknown instruction: COPPY (did you mean COPY?)"],
    ["COPY a", "COPY requires at least two arguments, but only one was provided. Destination could not be determined"],
    ["COPY --form=a b c", "unknown flag: --form (did you mean from?)"],
    ["COPY --link=x b c", "expecting boolean value for flag --link, not: x"],
    ["COPY --from=a --from=b b c", "duplicate flag specified: --from"],
    ["COPY --from b c", "missing a value on flag: --from"],
    ["COPY a <<E\nE", "COPY cannot accept a heredoc as a destination"],
    ["WORKDIR", "WORKDIR requires exactly one argument"],
    ["ENV", "ENV requires at least one argument"],
    ["ENV =a", "ENV names can not be blank"],
    ["SHELL a", "SHELL requires the arguments to be in JSON form"],
    ["ONBUILD FROM a", "FROM isn't allowed as an ONBUILD trigger"],
    ["ONBUILD ONBUILD RUN a", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ["HEALTHCHECK FOO", 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ["HEALTHCHECK --interval=1ns CMD a", 'Interval "interval" cannot be less than 1ms'],
    ["HEALTHCHECK --interval=1 CMD a", 'time: missing unit in duration "1"'],
    ["HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["RUN --network=x a", 'invalid network mode "x"'],
    ["RUN --security=x a", 'security "x" is not valid'],
    ["RUN --mount=from=$x a", "'from' doesn't support variable expansion, define alias stage instead"],
    ["FROM a b", "FROM requires either one or three arguments"],
    ["FROM a AS 1", 'invalid name for build stage: "1", name can\'t start with a number or contain symbols'],
  ];
  for (const [line, expected] of table) {
    assert.equal(wrong(`FROM a\n${line}`), `dockerfile parse error on line 2: ${expected}`, line);
  }
  assert.equal(wrong("RUN a"), "no build stage in current context");
  assert.equal(wrong("#x"), "file with no instructions");
});

test("stages: wrong mounts in BuildKit's words, once expanded", () => {
  const table: readonly (readonly [string, string])[] = [
    ["type=foo", 'unsupported mount type "foo"'],
    ["type=cach", 'unsupported mount type "cach" (did you mean cache?)'],
    ["foo", "invalid field 'foo' must be a key=value pair"],
    ["tagret=/a", "unexpected key 'tagret' in 'tagret=/a' (did you mean target?)"],
    ["mode=0755", 'mode not allowed for "bind" type mounts'],
    ["type=cache,mode=9", "invalid value 9 for mode"],
    ["type=cache,sharing=x", 'unsupported sharing value "x"'],
    ["size=1m", "unexpected key 'size' for mount type 'bind'"],
    ["type=tmpfs,size=q", "invalid value for size: q"],
    ["type=secret", "invalid secret mount. one of source, target required"],
    ["type=secret,id=a,source=b", "both source and id can't be set"],
  ];
  for (const [mount, expected] of table) {
    const run = one(`RUN --mount=${mount} a`);
    assert.throws(() => expandInstruction(run, new Map()), { message: expected }, mount);
  }
});
