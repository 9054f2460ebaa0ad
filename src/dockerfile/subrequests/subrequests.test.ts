import assert from "node:assert/strict";
import { test } from "node:test";

import { withSource } from "../dockerfileError.ts";
import type { Stages } from "../instruction.ts";
import { parseDockerfile } from "../parseDockerfile.ts";
import { parseStages } from "../parseStages.ts";
import type { SubrequestAnswer } from "./answer.ts";
import { describeAnswer } from "./describe.ts";
import { lintAnswer } from "./lintAnswer.ts";
import { OutlineCapture, outlineAnswer } from "./outline.ts";
import { targetsAnswer } from "./targets.ts";

const TEXT = `# version is the version
ARG version=1
ARG other=\${version}x
# base is the <base>
FROM scratch AS base
ARG foo=bar
RUN --mount=type=secret,id=s1,required=true \\
  --mount=type=ssh echo $foo
FROM base
ARG version
ARG unset
`;

const partOf = (answer: SubrequestAnswer, name: string): string => Buffer.from(answer.get(name) ?? []).toString();
const jsonOf = (answer: SubrequestAnswer): unknown => JSON.parse(partOf(answer, "result.json"));
const at = (line: number): unknown => ({ ranges: [{ start: { line }, end: { line } }] });
const stagesOf = (text: string): Stages => parseStages(parseDockerfile(text));

test("targets: stages, the default, descriptions", () => {
  const answer = targetsAnswer(stagesOf(TEXT), TEXT);
  assert.equal(partOf(answer, "result.txt"), "TARGET    DESCRIPTION\nbase      is the <base>\n(default) \n");
  assert.equal(partOf(answer, "version"), "1.0.0");
  assert.match(partOf(answer, "result.json"), /^\{\n {2}"targets": \[\n {4}\{\n {6}"name": "base",\n/);
  assert.match(partOf(answer, "result.json"), /"is the \\u003cbase\\u003e"/);
  assert.deepEqual(jsonOf(answer), {
    targets: [
      { name: "base", description: "is the <base>", base: "scratch", location: at(5) },
      { default: true, base: "base", location: at(9) },
    ],
    sources: [Buffer.from(TEXT).toString("base64")],
  });
});

function capturesOf({ metaArgs, stages }: Stages): readonly OutlineCapture[] {
  const global = new OutlineCapture();
  const [version, other] = metaArgs;
  for (const { args, location } of [version, other].filter((arg) => arg !== undefined)) {
    for (const arg of args) global.define(arg, arg.value, location, arg.key === "other" ? ["version"] : []);
  }
  return stages.map(({ instructions }) => {
    const capture = new OutlineCapture(global);
    for (const instruction of instructions) {
      if (instruction.kind === "run") capture.mounts(MOUNTS, instruction.location);
      if (instruction.kind !== "arg") continue;
      for (const arg of instruction.args) {
        if (arg.key !== "version") capture.define(arg, arg.value, instruction.location);
        capture.use([arg.key]);
      }
    }
    return capture;
  });
}

const NO_MOUNT = { from: "", source: "", target: "", readOnly: false, sizeLimit: 0, sharing: "" } as const;
const MOUNTS = [
  { ...NO_MOUNT, type: "secret", id: "s1", required: true },
  { ...NO_MOUNT, type: "ssh", id: "", required: false },
] as const;

test("outline: arguments, secrets and sockets of the target and what it is made of", () => {
  const stages = stagesOf(TEXT);
  const [base, target] = capturesOf(stages);
  const stage = stages.stages[1];
  assert.ok(base !== undefined && target !== undefined && stage !== undefined);
  const answer = outlineAnswer(stage, [target, base], TEXT);
  const table = [
    "BUILD ARG   VALUE   DESCRIPTION",
    "version     1       is the version",
    "foo         bar     ",
    "unset               ",
    "",
    "SECRET   REQUIRED",
    "s1       true",
    "",
    "SSH       REQUIRED",
    "default   ",
    "",
    "",
  ];
  assert.equal(partOf(answer, "result.txt"), table.join("\n"));
  const run = { ranges: [7, 8].map((line) => ({ start: { line }, end: { line } })) };
  assert.deepEqual(jsonOf(answer), {
    args: [
      { name: "version", description: "is the version", value: "1", location: at(2) },
      { name: "foo", value: "bar", location: at(6) },
      { name: "unset", location: at(11) },
    ],
    secrets: [{ name: "s1", required: true, location: run }],
    ssh: [{ name: "default", location: run }],
    sources: [Buffer.from(TEXT).toString("base64")],
  });
  const [first] = stages.stages;
  assert.ok(first !== undefined);
  base.use(["other"]);
  const named = outlineAnswer(first, [base], TEXT);
  assert.match(partOf(named, "result.txt"), /^TARGET: {6}base\nDESCRIPTION: is the <base>\n\nBUILD ARG {3}VALUE {8}/);
});

test("lint answer: warnings in order, excerpt by line, error, status", () => {
  const dockerfile = { filename: "Dockerfile", text: "FROM scratch AS A\nRUN x\nFOO" };
  const description = "d";
  const warnings = [
    { rule: "UndefinedVar", description, url: "https://u/", detail: "second", location: { start: 2, end: 2 } },
    { rule: "InvalidBaseImagePlatform", description, url: "", detail: "first", location: { start: 1, end: 1 } },
  ] as const;
  const error = withSource(new Error("no"), { filename: "Dockerfile", location: { start: 3, end: 3 } });
  const answer = lintAnswer(dockerfile, warnings, error);
  const rule = "-".repeat(20);
  const shown = [
    "",
    "WARNING: InvalidBaseImagePlatform",
    "first",
    "Dockerfile:1",
    rule,
    "   1 | >>> FROM scratch AS A",
    "   2 |     RUN x",
    "   3 |     FOO",
    rule,
    "",
    "WARNING: UndefinedVar - https://u/",
    "second",
    "Dockerfile:2",
    rule,
    "   1 |     FROM scratch AS A",
    "   2 | >>> RUN x",
    "   3 |     FOO",
    rule,
    "",
  ];
  assert.equal(partOf(answer, "result.txt"), shown.join("\n"));
  assert.equal(partOf(answer, "result.statuscode"), "1");
  assert.deepEqual(jsonOf(answer), {
    warnings: [
      { ruleName: "UndefinedVar", description, url: "https://u/", detail: "second", location: at(2) },
      { ruleName: "InvalidBaseImagePlatform", description, detail: "first", location: at(1) },
    ],
    sources: [
      { filename: "Dockerfile", data: Buffer.from(dockerfile.text).toString("base64"), language: "Dockerfile" },
    ],
    buildError: { message: "no", location: at(3) },
  });
  const clean = lintAnswer(dockerfile, []);
  assert.equal(partOf(clean, "result.statuscode"), "0");
  assert.match(partOf(clean, "result.json"), /"warnings": null/);
});

test("describe: what may be asked", () => {
  const answer = describeAnswer();
  const lines = [
    "NAME                 VERSION DESCRIPTION",
    "outline              1.0.0   List all parameters current build target supports",
    "targets              1.0.0   List all targets current build supports",
    "subrequests.describe 1.0.0   List available subrequest types",
    "",
  ];
  assert.equal(partOf(answer, "result.txt"), lines.join("\n"));
  assert.match(partOf(answer, "result.json"), /"inputs": null,\n {4}"metadata": \[/);
});
