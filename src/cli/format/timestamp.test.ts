import assert from "node:assert/strict";
import { test } from "node:test";
import { apiTimestamp } from "./timestamp.ts";

test("timestamp: a duration is that long ago, a number stays, a date has nine decimals", () => {
  assert.equal(apiTimestamp("10s", 100_999), "90", "whole seconds, as docker has it");
  assert.equal(apiTimestamp("0"), "0");
  assert.equal(apiTimestamp("1795236534.5"), "1795236534.5");
  assert.equal(apiTimestamp("2026-11-21T04:46:17.862412208Z"), "1795236377.862412208");
  assert.equal(apiTimestamp("2026-11-21T04:46:17+00:00"), "1795236377.000000000");
  assert.match(apiTimestamp("2026-11-21"), /^\d{10}\.000000000$/);
});

test("timestamp: anything else is refused", () => {
  assert.throws(() => apiTimestamp("yesterday"), { message: 'failed to parse value as time or duration: "yesterday"' });
});
