import assert from "node:assert/strict";
import { test } from "node:test";
import { limited } from "./healthMonitors.ts";

test("health output: what is longer than 4096 bytes is cut and ends in dots", () => {
  assert.equal(limited("x".repeat(4096)), "x".repeat(4096));
  assert.equal(limited("x".repeat(4097)), `${"x".repeat(4096)}...`);
});
