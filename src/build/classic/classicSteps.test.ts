import assert from "node:assert/strict";
import { test } from "node:test";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildPlan } from "../plan.ts";
import { classicView } from "./classicSteps.ts";

const TEXT = `ARG V=1
FROM debian:$V AS base
ENV A=b
RUN make \\
  all
FROM other AS unused
RUN echo no
FROM base
ARG FOO
COPY a /a
CMD ["x"]
`;

function vertex(digest: string, line: number, inputs: readonly Vertex[]): Vertex {
  const ranges = [{ start: line, end: line }];
  return {
    digest,
    name: digest,
    operation: digest === "run" ? { kind: "exec", arguments: ["/bin/sh", "-c", "make all"] } : { kind: "scratch" },
    inputs,
    ignoreCache: false,
    location: { filename: "Dockerfile", text: TEXT, ranges },
    instruction: "",
  } as unknown as Vertex;
}

function plan(): BuildPlan {
  const base = vertex("base", 2, []);
  const copy = vertex("copy", 10, [vertex("run", 4, [base]), base]);
  return { targets: [{ vertex: copy }], dockerfile: { filename: "Dockerfile", text: TEXT } } as unknown as BuildPlan;
}

test("classic steps: instructions in order, with what they make; stages without a part are left out", () => {
  const view = classicView(plan(), undefined);
  assert.deepEqual(
    view.steps.map(({ text, kind, vertex: made }) => `${kind}: ${text.replaceAll(/\s+/g, " ")} ${made?.digest ?? ""}`),
    [
      "argument: ARG V=1 ",
      "from: FROM debian:$V AS base base",
      "other: ENV A=b ",
      "run: RUN make all run",
      "from: FROM base ",
      "other: ARG FOO ",
      "other: COPY a /a copy",
      'other: CMD ["x"] ',
    ],
  );
  assert.deepEqual([...view.declaredArguments], ["V", "FOO"]);
  assert.deepEqual(view.commandOf("run"), ["/bin/sh", "-c", "make all"]);
  assert.equal(view.commandOf("copy"), undefined);
});

test("classic steps: a target ends the list", () => {
  const run = vertex("run", 4, [vertex("base", 2, [])]);
  const view = classicView({ ...plan(), targets: [{ vertex: run }] } as unknown as BuildPlan, "BASE");
  assert.equal(view.steps.length, 4);
});
