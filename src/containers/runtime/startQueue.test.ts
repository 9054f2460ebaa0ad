import assert from "node:assert/strict";
import { test } from "node:test";
import { StartQueue } from "./startQueue.ts";

test("start queue: a few at once, in order, and a failure frees its place", async () => {
  const queue = new StartQueue();
  const begun: number[] = [];
  const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  const runs = gates.map((gate, index) =>
    queue.run(async () => {
      begun.push(index);
      await gate.promise;
      if (index === 0) throw new Error("refused");
      return index;
    }),
  );
  assert.deepEqual(begun, [0, 1, 2, 3]);
  gates[0]?.resolve();
  await assert.rejects(runs[0] ?? Promise.resolve(), { message: "refused" });
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  for (const gate of gates) gate.resolve();
  assert.deepEqual(await Promise.all(runs.slice(1)), [1, 2, 3, 4, 5, 6, 7]);
});

test("start queue: what hangs does not hold up others for good", async () => {
  const queue = new StartQueue();
  for (let index = 0; index < 4; index += 1) void queue.run(() => new Promise<never>(() => undefined));
  const alive = setInterval(() => undefined, 1000);
  assert.equal(await queue.run(() => Promise.resolve("its turn")), "its turn");
  clearInterval(alive);
});
