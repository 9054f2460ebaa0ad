import assert from "node:assert/strict";
import { test } from "node:test";
import { nextDelayMs, policyRestarts } from "./restartDecision.ts";
import type { EndedRun } from "./restartDecision.ts";

const run = (change: Partial<EndedRun> = {}): EndedRun => ({
  exitCode: 1,
  ranMs: 10,
  restartCount: 0,
  stoppedByUser: false,
  ...change,
});

test("restart: no never, always ever", () => {
  assert.equal(policyRestarts({ Name: "no", MaximumRetryCount: 0 }, run()), false);
  assert.equal(
    policyRestarts({ Name: "always", MaximumRetryCount: 0 }, run({ exitCode: 0, stoppedByUser: true })),
    true,
  );
});

test("restart: unless-stopped minds who stopped it", () => {
  const policy = { Name: "unless-stopped", MaximumRetryCount: 0 } as const;
  assert.equal(policyRestarts(policy, run({ exitCode: 0 })), true);
  assert.equal(policyRestarts(policy, run({ stoppedByUser: true })), false);
});

test("restart: on-failure minds the code and counts", () => {
  const twice = { Name: "on-failure", MaximumRetryCount: 2 } as const;
  assert.equal(policyRestarts(twice, run({ exitCode: 0 })), false);
  assert.equal(policyRestarts(twice, run({ restartCount: 1 })), true);
  assert.equal(policyRestarts(twice, run({ restartCount: 2 })), false);
  assert.equal(policyRestarts({ ...twice, MaximumRetryCount: 0 }, run({ restartCount: 99 })), true);
});

test("restart: the delay doubles from 100 ms to a minute, and begins anew after ten good seconds", () => {
  const delays = Array.from({ length: 12 }).reduce<number[]>((all) => [...all, nextDelayMs(all.at(-1) ?? 0, 5)], []);
  assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 800]);
  assert.equal(delays.at(-1), 60_000);
  assert.equal(nextDelayMs(60_000, 10_001), 100);
});
