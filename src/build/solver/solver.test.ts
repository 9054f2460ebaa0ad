import assert from "node:assert/strict";
import { test } from "node:test";
import type { SolveStatus } from "#engineapi";
import { EngineError, findEngineError } from "#errors";
import { diffIdOf, execVertex, FakeBuilds, imageVertex, SCRATCH } from "./fakeBuild.ts";

const lastOf = (told: readonly SolveStatus[], digest: string): Record<string, unknown> => ({
  ...told.flatMap(({ vertexes = [] }) => vertexes).findLast((vertex) => vertex.digest === digest),
});

test("solver: a step runs once, a second build finds it", async (context) => {
  const builds = new FakeBuilds(context);
  const make = execVertex("make", [SCRATCH]);
  const first = builds.build();
  const result = await first.solver.solve(make);
  assert.deepEqual(result, { kind: "layers", diffIds: [diffIdOf("make")], createdAt: [1000] });
  first.solver[Symbol.dispose]();
  builds.now = 2000;
  const second = builds.build();
  assert.deepEqual(await second.solver.solve(make), result);
  second.solver[Symbol.dispose]();
  assert.deepEqual(builds.ran, ["make"]);
  assert.equal(lastOf(first.told, make.digest)["cached"], undefined);
  assert.equal(lastOf(second.told, make.digest)["cached"], true);
  const [row] = builds.cache.list();
  assert.deepEqual([row?.uses, row?.usedAt, row?.createdAt], [2, 2000, 1000]);
});

test("solver: a result whose layer is gone is made again", async (context) => {
  const builds = new FakeBuilds(context);
  const make = execVertex("make", [SCRATCH]);
  await builds.build().solver.solve(make);
  builds.layers.clear();
  const again = builds.build({ explain: true });
  await again.solver.solve(make);
  assert.deepEqual(builds.ran, ["make", "make"]);
  assert.deepEqual(
    again.told.flatMap(({ explanations = [] }) => explanations.map(({ reason }) => reason)),
    ["result gone"],
  );
});

test("solver: independent inputs run at the same time, what both need once", async (context) => {
  const builds = new FakeBuilds(context);
  const common = execVertex("common", [SCRATCH]);
  const sides = ["left", "right"].map((name) => execVertex(name, [common]));
  let running = 0;
  let most = 0;
  builds.during = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  };
  await builds.build().solver.solve(execVertex("join", [SCRATCH, ...sides]));
  assert.equal(most, 2);
  assert.deepEqual(builds.ran.toSorted(), ["common", "join", "left", "right"]);
  assert.equal(builds.ran.at(-1), "join");
});

test("solver: an image is fetched only for a step that runs", async (context) => {
  const builds = new FakeBuilds(context);
  const layer = diffIdOf("base");
  const make = execVertex("make", [imageVertex("alpine", [layer])]);
  const first = builds.build();
  assert.deepEqual(await first.solver.solve(make), {
    kind: "layers",
    diffIds: [layer, diffIdOf("make")],
    createdAt: [undefined, 1000],
  });
  assert.equal(builds.pulled.length, 1);
  // The registry's image is the same, but its row went: the step on it is still known.
  const image = builds.cache.list().find(({ kind }) => kind === "image");
  first.solver[Symbol.dispose]();
  assert.equal(builds.cache.remove(image?.key ?? ""), true);
  await builds.build().solver.solve(execVertex("other", [make]));
  assert.deepEqual(builds.ran, ["make", "other"]);
});

test("solver: --no-cache runs the step and records it all the same", async (context) => {
  const builds = new FakeBuilds(context);
  const make = execVertex("make", [SCRATCH]);
  await builds.build().solver.solve(make);
  await builds.build().solver.solve({ ...make, ignoreCache: true });
  await builds.build().solver.solve(make);
  assert.deepEqual(builds.ran, ["make", "make"]);
  assert.equal(builds.cache.list().length, 1);
});

test("solver: two builds at a time share a step, output and all", async (context) => {
  const builds = new FakeBuilds(context);
  const make = execVertex("make", [SCRATCH]);
  builds.during = async ({ progress }) => {
    progress.log(1, Buffer.from("early"));
    await new Promise(setImmediate);
    progress.log(1, Buffer.from("late"));
  };
  const [one, two] = [builds.build(), builds.build()];
  await Promise.all([one.solver.solve(make), two.solver.solve(make)]);
  assert.deepEqual(builds.ran, ["make"]);
  for (const { told } of [one, two]) {
    const logs = told.flatMap(({ logs: lines = [] }) =>
      lines.map(({ data }) => Buffer.from(data, "base64").toString()),
    );
    assert.deepEqual(logs, ["early", "late"]);
    assert.notEqual(lastOf(told, make.digest)["completed"], undefined);
  }
});

test("solver: a builder that leaves does not end the step of the other", async (context) => {
  const builds = new FakeBuilds(context);
  const make = execVertex("make", [SCRATCH]);
  const started = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  builds.during = async ({ signal }) => {
    started.resolve();
    await gate.promise;
    signal.throwIfAborted();
  };
  const leaving = new AbortController();
  const first = builds.build({ signal: leaving.signal }).solver.solve(make);
  await started.promise;
  const second = builds.build().solver.solve(make);
  await new Promise(setImmediate);
  leaving.abort();
  await assert.rejects(first, { message: "context canceled" });
  gate.resolve();
  await second;
  assert.deepEqual(builds.ran, ["make"]);
});

test("solver: a step ends when the last builder leaves", async (context) => {
  const builds = new FakeBuilds(context);
  const started = Promise.withResolvers<void>();
  builds.during = async ({ signal }) => {
    started.resolve();
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("killed")));
    });
  };
  const leaving = new AbortController();
  const { solver, told } = builds.build({ signal: leaving.signal });
  const make = execVertex("make", [SCRATCH]);
  const solved = solver.solve(make);
  await started.promise;
  leaving.abort();
  await assert.rejects(solved, { message: "context canceled" });
  await builds.shared.settle();
  assert.deepEqual(builds.ran, []);
  assert.equal(lastOf(told, make.digest)["error"], "context canceled");
  assert.deepEqual(builds.cache.list(), []);
});

test("solver: the first failure ends the others and names its vertex, lines and stack", async (context) => {
  const builds = new FakeBuilds(context);
  const location = { filename: "Dockerfile", text: "FROM scratch\nRUN bad\n", ranges: [{ start: 2, end: 2 }] };
  const base = execVertex("base", [SCRATCH]);
  const bad = execVertex("bad", [base], { location });
  const slow = execVertex("slow", [base]);
  builds.during = async ({ operation, signal }) => {
    const command = operation.arguments.at(-1);
    if (command === "bad") throw new EngineError("internal", "X", "exit code: 1", { details: { exitCode: 1 } });
    if (command !== "slow") return;
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason instanceof Error ? signal.reason : new Error("?")));
    });
  };
  const { solver, told } = builds.build();
  const error: unknown = await solver
    .solve(execVertex("join", [SCRATCH, bad, slow]))
    .catch((reason: unknown) => reason);
  assert.deepEqual(findEngineError(error)?.details, {
    exitCode: 1,
    vertex: bad.digest,
    inputs: [{ kind: "layers", diffIds: [diffIdOf("base")], createdAt: [1000] }],
    source: location,
  });
  assert.equal(lastOf(told, bad.digest)["error"], "exit code: 1");
  assert.equal(lastOf(told, slow.digest)["error"], "context canceled");
});

test("solver: an explanation names the input that changed against the nearest earlier result", async (context) => {
  const builds = new FakeBuilds(context);
  await builds.build().solver.solve(execVertex("make", [SCRATCH]));
  const { solver, told } = builds.build({ explain: true });
  await solver.solve(execVertex("make all", [SCRATCH]));
  const [explanation] = told.flatMap(({ explanations = [] }) => explanations);
  assert.equal(explanation?.reason, "inputs changed");
  assert.deepEqual(
    explanation.changes.map(({ kind, input }) => [kind, input]),
    [
      ["value", "instruction"],
      ["file", "a.txt"],
    ],
  );
  assert.equal(explanation.changes[0]?.before, "/bin/sh -c make");
});
