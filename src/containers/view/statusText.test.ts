import assert from "node:assert/strict";
import { test } from "node:test";
import { INITIAL_STATE } from "../document.ts";
import { describeDuration, statusText } from "./statusText.ts";

test("duration: in docker's words", () => {
  const seconds: readonly (readonly [number, string])[] = [
    [0.4, "Less than a second"],
    [1, "1 second"],
    [59, "59 seconds"],
    [60, "About a minute"],
    [119, "About a minute"],
    [120, "2 minutes"],
    [3600, "About an hour"],
    [5400, "2 hours"],
    [172_799, "48 hours"],
    [172_800, "2 days"],
    [14 * 86_400, "2 weeks"],
    [60 * 86_400, "2 months"],
    [730 * 86_400, "2 years"],
  ];
  for (const [value, text] of seconds) assert.equal(describeDuration(value * 1000), text);
});

test("status: up, exited and created", () => {
  const now = Date.parse("2026-01-01T00:01:00Z");
  const startedAt = "2026-01-01T00:00:00Z";
  assert.equal(statusText({ ...INITIAL_STATE, status: "running", startedAt }, now), "Up About a minute");
  const exited = { ...INITIAL_STATE, status: "exited", exitCode: 3, finishedAt: startedAt } as const;
  assert.equal(statusText(exited, now), "Exited (3) About a minute ago");
  assert.equal(statusText(INITIAL_STATE, now), "Created");
});
