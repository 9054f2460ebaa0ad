import assert from "node:assert/strict";
import { test } from "node:test";
import { goDuration } from "./goDuration.ts";

test("goDuration: the largest unit that fits, and all below hours", () => {
  const printed = [0, 5, 1500, 1.5e6, 5e8, 5e9, 9.05e10, 3.6e12, -1e9].map(goDuration);
  assert.deepEqual(printed, ["0s", "5ns", "1.5µs", "1.5ms", "500ms", "5s", "1m30.5s", "1h0m0s", "-1s"]);
});
