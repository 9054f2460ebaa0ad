import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("turns: the first at once, then one a round, in order", async () => {
  const turns = new Turns();
  const rounds: number[] = [];
  let round = 0;
  const count = (): void => {
    round += 1;
    if (rounds.length < 4) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 4 }, () => turns.take().then(() => rounds.push(round))));
  assert.equal(rounds[0], 0);
  assert.equal(new Set(rounds).size, 4);
  assert.deepEqual(
    rounds,
    rounds.toSorted((a, b) => a - b),
  );
});

test("turns: after a rest nobody waits", async () => {
  const turns = new Turns();
  await turns.take();
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  let isAtOnce = true;
  setImmediate(() => (isAtOnce = false));
  await turns.take();
  assert.equal(isAtOnce, true);
});
