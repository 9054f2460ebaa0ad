import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cgroupMode, warmCgroups } from "./cgroups.ts";

test("cgroups: the mode agrees with the mounts", () => {
  const types = new Set(
    readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" - ")[1]?.split(" ")[0]),
  );
  const mode = cgroupMode();
  if (mode === "unified") assert.ok(types.has("cgroup2"));
  if (mode === "hybrid") assert.ok(types.has("cgroup") && types.has("cgroup2"));
});

test("cgroups: warming moves this process nowhere", async () => {
  const before = readFileSync("/proc/self/cgroup", "utf8");
  await warmCgroups();
  await warmCgroups();
  assert.equal(readFileSync("/proc/self/cgroup", "utf8"), before);
});
