import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClassicStep } from "#build";
import type { SolveStatus } from "#engineapi";
import { ClassicOutput } from "./classicOutput.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const step = (kind: ClassicStep["kind"], text: string, letter?: string): ClassicStep =>
  ({ kind, text, vertex: letter === undefined ? undefined : { digest: digest(letter) } }) as ClassicStep;
const vertex = (letter: string, more: object): SolveStatus => ({
  vertexes: [{ digest: digest(letter), name: letter, ...more }],
});
const log = (letter: string, stream: number, text: string): SolveStatus => ({
  logs: [{ vertex: digest(letter), stream, data: Buffer.from(text).toString("base64"), timestamp: "" }],
});
const DONE = { started: "1", completed: "2" };

function recorder(more: { quiet?: boolean; remove?: boolean } = {}): {
  readonly output: ClassicOutput;
  readonly said: () => string;
} {
  const lines: string[] = [];
  const send = (message: Readonly<Record<string, unknown>>): void => {
    lines.push(typeof message["stream"] === "string" ? message["stream"] : JSON.stringify(message));
  };
  return { output: new ClassicOutput({ quiet: false, remove: true, send, ...more }), said: () => lines.join("") };
}

test("classic output: steps one after the other, whatever order they run in", () => {
  const { output, said } = recorder();
  output.update(vertex("a", DONE));
  output.begin([
    step("argument", "ARG V"),
    step("from", "FROM x", "a"),
    step("run", "RUN make", "b"),
    step("other", "COPY . /", "c"),
    step("other", "CMD x"),
  ]);
  output.update(vertex("c", DONE));
  output.update(log("b", 1, "out\n"));
  output.update(log("b", 2, "err\n"));
  output.update(vertex("b", DONE));
  output.finish(`sha256:${"1".repeat(64)}`, ["x:latest"], ["FOO"]);
  assert.equal(
    said(),
    `Step 1/5 : ARG V
Step 2/5 : FROM x
 ---> aaaaaaaaaaaa
Step 3/5 : RUN make
 ---> Running in bbbbbbbbbbbb
out
\u001b[91merr
\u001b[0m ---> Removed intermediate container bbbbbbbbbbbb
 ---> bbbbbbbbbbbb
Step 4/5 : COPY . /
 ---> cccccccccccc
Step 5/5 : CMD x
 ---> 111111111111
{"aux":{"ID":"sha256:${"1".repeat(64)}"}}[Warning] One or more build-args [FOO] were not consumed
Successfully built 111111111111
Successfully tagged x:latest
`,
  );
});

test("classic output: what is cached says so, and has no container", () => {
  const { output, said } = recorder({ remove: false });
  output.begin([step("from", "FROM x", "a"), step("run", "RUN make", "b"), step("run", "RUN more", "c")]);
  output.update(vertex("a", { ...DONE, cached: true }));
  output.update(vertex("b", { ...DONE, cached: true }));
  output.update(vertex("c", DONE));
  output.finish("sha256:2", [], []);
  assert.match(said(), /^Step 1\/3 : FROM x\n ---> a+\nStep 2\/3 : RUN make\n ---> Using cache\n ---> b+\nStep 3/);
  assert.match(said(), /RUN more\n ---> Running in c+\n ---> 2\n/);
});

test("classic output: stops at what failed", () => {
  const { output, said } = recorder();
  output.begin([step("run", "RUN make", "b"), step("run", "RUN more", "c")]);
  output.update(log("b", 1, "x\n"));
  output.update(vertex("b", { ...DONE, error: "exit code: 3" }));
  assert.equal(said(), "Step 1/2 : RUN make\n ---> Running in bbbbbbbbbbbb\nx\n");
});

test("classic output: quiet tells the id alone", () => {
  const { output, said } = recorder({ quiet: true });
  output.begin([step("from", "FROM x", "a")]);
  output.update(vertex("a", DONE));
  output.finish("sha256:3", ["x:latest"], ["FOO"]);
  assert.equal(said(), "sha256:3\n");
});
