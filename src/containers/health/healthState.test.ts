import assert from "node:assert/strict";
import { test } from "node:test";
import { afterProbe, planHealth, probeDelayMs, startingHealth } from "./healthState.ts";
import type { HealthPlan, ProbeResult } from "./healthState.ts";

const STARTED = "2026-01-01T00:00:00.000Z";
const at = (seconds: number, ExitCode: number): ProbeResult => {
  const time = new Date(Date.parse(STARTED) + seconds * 1000).toISOString();
  return { Start: time, End: time, ExitCode, Output: "" };
};

function plan(config: Parameters<typeof planHealth>[0]): HealthPlan {
  const made = planHealth(config);
  assert.ok(made !== undefined);
  return made;
}

test("health plan: Docker's defaults; shell form runs in the image's shell; NONE and nothing are no plan", () => {
  assert.deepEqual(planHealth({ Test: ["CMD-SHELL", "a b"], Interval: 2e9 }, ["/bin/bash", "-c"]), {
    command: ["/bin/bash", "-c", "a b"],
    intervalMs: 2000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 2000,
    retries: 3,
  });
  const slow = planHealth({ Test: ["CMD", "x"], Interval: 60e9, StartPeriod: 60e9 });
  assert.equal(slow?.startIntervalMs, 5000);
  assert.equal(planHealth({ Test: ["NONE"] }), undefined);
  assert.equal(planHealth(undefined), undefined);
});

test("health: failures in a row make it unhealthy, one success healthy", () => {
  const two = plan({ Test: ["CMD", "x"], Retries: 2 });
  const once = afterProbe(startingHealth(undefined), at(1, 1), two, STARTED);
  assert.deepEqual([once.Status, once.FailingStreak], ["starting", 1]);
  const twice = afterProbe(once, at(2, -1), two, STARTED);
  assert.deepEqual([twice.Status, twice.FailingStreak], ["unhealthy", 2]);
  const well = afterProbe(twice, at(3, 0), two, STARTED);
  assert.deepEqual([well.Status, well.FailingStreak], ["healthy", 0]);
  assert.equal(afterProbe(well, at(4, 1), two, STARTED).Status, "healthy");
});

test("health: failures within the start period do not count until it was healthy once", () => {
  const slow = plan({ Test: ["CMD", "x"], Retries: 1, StartPeriod: 10e9 });
  const early = afterProbe(startingHealth(undefined), at(5, 1), slow, STARTED);
  assert.deepEqual([early.Status, early.FailingStreak], ["starting", 0]);
  const well = afterProbe(early, at(6, 0), slow, STARTED);
  assert.equal(afterProbe(well, at(7, 1), slow, STARTED).Status, "unhealthy");
  assert.equal(afterProbe(early, at(11, 1), slow, STARTED).Status, "unhealthy");
});

test("health: the last five probes are kept", () => {
  const any = plan({ Test: ["CMD", "x"] });
  const health = [1, 2, 3, 4, 5, 6].reduce(
    (state, second) => afterProbe(state, at(second, 0), any, STARTED),
    startingHealth(undefined),
  );
  assert.equal(health.Log.length, 5);
  assert.equal(health.Log[0]?.Start, at(2, 0).Start);
});

test("health: probes come faster within the start period", () => {
  const slow = plan({ Test: ["CMD", "x"], Interval: 60e9, StartPeriod: 10e9, StartInterval: 1e9 });
  const starting = startingHealth(undefined);
  assert.equal(probeDelayMs(starting, slow, 500), 1000);
  assert.equal(probeDelayMs(starting, slow, 10_500), 60_000);
  assert.equal(probeDelayMs({ ...starting, Status: "healthy" }, slow, 500), 60_000);
});
