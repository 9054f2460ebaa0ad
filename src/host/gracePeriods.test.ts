import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hurryGracePeriods } from "./gracePeriods.ts";

const state = (): string => {
  try {
    return readFileSync("/sys/kernel/rcu_expedited", "latin1").trim();
  } catch {
    return "none"; // another kernel: nothing may be thrown either
  }
};

test("grace periods: the switch is as it was when nobody is in a hurry any more", async () => {
  const before = state();
  {
    using _ = hurryGracePeriods();
    using __ = hurryGracePeriods();
  }
  // Daemons beside this test turn it for moments, too.
  for (let attempt = 0; state() !== before; attempt += 1) {
    assert.ok(attempt < 100, state());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});
