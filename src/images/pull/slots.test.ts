import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { Slots } from "./slots.ts";

test("slots: at most so many run, the rest in order", async () => {
  const slots = new Slots(2);
  const started: number[] = [];
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
  const runs = gates.map((gate, index) =>
    slots.run(async () => {
      started.push(index);
      await gate.promise;
    }),
  );
  await turn();
  assert.deepEqual(started, [0, 1]);
  gates[1]?.resolve();
  await turn();
  assert.deepEqual(started, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  await Promise.all(runs);
  assert.deepEqual(started, [0, 1, 2, 3]);
});

test("slots: a failure frees the slot", async () => {
  const slots = new Slots(1);
  await assert.rejects(
    slots.run(() => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await slots.run(() => Promise.resolve(1)), 1);
});

test("slots: who waits leaves when the signal fires, and holds nobody up", async () => {
  const slots = new Slots(1);
  const gate = Promise.withResolvers<void>();
  const first = slots.run(() => gate.promise);
  const abort = new AbortController();
  const second = slots.run(() => Promise.reject(new Error("ran")), abort.signal);
  const third = slots.run(() => Promise.resolve(3));
  abort.abort();
  await assert.rejects(second, { category: "cancelled", message: "context canceled" });
  gate.resolve();
  await first;
  assert.equal(await third, 3);
});
