import assert from "node:assert/strict";
import { test } from "node:test";
import { allOrNothing } from "./allOrNothing.ts";

test("all or nothing: results in the order of the items", async () => {
  const doubled = await allOrNothing([3, 1, 2], undefined, async (item) => {
    for (let turns = 0; turns < item; turns += 1) await Promise.resolve();
    return item * 2;
  });
  assert.deepEqual(doubled, [6, 2, 4]);
});

test("all or nothing: the first failure gives up the others, and waits for them", async () => {
  let stopped = false;
  const work = async (item: number, signal: AbortSignal): Promise<void> => {
    if (item === 0) throw new Error("first");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    stopped = true;
    throw new Error("second");
  };
  await assert.rejects(allOrNothing([0, 1], undefined, work), /first/);
  assert.ok(stopped);
});

test("all or nothing: the caller's signal reaches the work", async () => {
  const abort = new AbortController();
  abort.abort();
  const seen = await allOrNothing([0], abort.signal, (_item, signal) => Promise.resolve(signal.aborted));
  assert.deepEqual(seen, [true]);
});
