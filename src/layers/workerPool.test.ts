import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WorkerPool } from "./workerPool.ts";

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => false), sleep(5, true)]);
}

test("worker pool: groups wait for their workers in the order they came", async () => {
  const pool = new WorkerPool({ size: 3, patienceMs: 60_000 });
  const first = await pool.acquire(2);
  const second = pool.acquire(2);
  const third = pool.acquire(1);
  assert.equal(await isPending(third), true, "a small group does not overtake");
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  await pool.close();
});

test("worker pool: who waits too long gets workers beyond the size, up to the maximum, and they are given back", async () => {
  const pool = new WorkerPool({ size: 2, maxSize: 4, patienceMs: 10 });
  const held = await pool.acquire(2);
  const lent = await pool.acquire(2);
  const refused = pool.acquire(2);
  await sleep(40);
  assert.equal(await isPending(refused), true, "the maximum is one");
  lent[Symbol.dispose]();
  await sleep(40);
  const after = await refused;
  held[Symbol.dispose]();
  after[Symbol.dispose]();
  const again = await pool.acquire(2);
  const waiting = pool.acquire(1);
  assert.equal(await isPending(waiting), true, "the size holds again");
  again[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  await pool.close();
});
