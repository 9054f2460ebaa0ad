import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurns } from "./inTurns.ts";

const tick = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

test("inTurns: results in the order of the items, at most sixteen at a time", async () => {
  let running = 0;
  let most = 0;
  const items = Array.from({ length: 100 }, (_, index) => index);
  const results = await inTurns(items, async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item % 5; turn++) await tick();
    running--;
    return item * 2;
  });
  assert.deepEqual(
    results,
    items.map((item) => item * 2),
  );
  assert.equal(most, 16);
  assert.deepEqual(await inTurns([], async () => assert.fail()), []);
});

test("inTurns: the first failure is thrown once all that runs has ended, and nothing new begins", async () => {
  let begun = 0;
  let running = 0;
  const work = inTurns(
    Array.from({ length: 100 }, (_, index) => index),
    async (item) => {
      begun++;
      running++;
      await tick();
      running--;
      if (item === 3) throw new Error("third");
      return item;
    },
  );
  await assert.rejects(work, /third/);
  assert.equal(running, 0);
  assert.ok(begun < 40);
});
