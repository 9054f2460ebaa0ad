import assert from "node:assert/strict";
import { test } from "node:test";
import { describeControllers, parseLegacy, parseUnified, readControlGroups } from "./controlGroups.ts";

const PROC_CGROUPS = `#subsys_name	hierarchy	num_cgroups	enabled
cpuset	4	9	1
cpu	3	9	1
memory	5	20	0
pids	0	9	1
devices	7	1	1
`;

test("parseUnified: reads cgroup.controllers; nothing there means v1", () => {
  assert.deepEqual(parseUnified("cpuset cpu io memory pids\n"), new Set(["cpuset", "cpu", "io", "memory", "pids"]));
  assert.equal(parseUnified(""), undefined);
  assert.equal(parseUnified("\n"), undefined);
});

test("parseLegacy: takes enabled controllers with a hierarchy of their own", () => {
  assert.deepEqual(parseLegacy(PROC_CGROUPS), new Set(["cpuset", "cpu", "devices"]));
  assert.deepEqual(parseLegacy(""), new Set());
});

test("describeControllers: a whole v2 host limits everything and warns of nothing", () => {
  const all = new Set(["cpu", "cpuset", "memory", "pids"]);
  const groups = describeControllers(all, { unified: true, swap: true });
  assert.equal(groups.version, "2");
  assert.deepEqual(groups.warnings, []);
  assert.equal(groups.limits["OomKillDisable"], false);
  assert.equal(describeControllers(all, { unified: false, swap: true }).limits["OomKillDisable"], true);
});

test("describeControllers: warns of what is missing in Docker's words", () => {
  assert.deepEqual(describeControllers(new Set(["cpu", "memory"]), { unified: false, swap: false }).warnings, [
    "WARNING: No swap limit support",
    "WARNING: No cpuset support",
    "WARNING: No pids limit support",
  ]);
  const none = describeControllers(new Set(), { unified: false, swap: true });
  assert.equal(none.warnings.length, 5);
  assert.ok(Object.values(none.limits).every((value) => !value));
});

test("readControlGroups: answers on this host", async () => {
  const { version, limits } = await readControlGroups();
  assert.ok(["1", "2"].includes(version));
  assert.equal(Object.keys(limits).length, 9);
});
