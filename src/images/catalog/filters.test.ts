import assert from "node:assert/strict";
import { test } from "node:test";
import { booleanFilter, checkFilterKeys, hasAnyLabel, hasLabels, untilFilter } from "./filters.ts";
import { filtersOf } from "../testRooms.ts";

test("checkFilterKeys: names an unknown key as dockerd does", () => {
  checkFilterKeys(filtersOf({ label: ["a"] }), ["label"]);
  assert.throws(() => checkFilterKeys(filtersOf({ x: ["y"] }), ["label"]), {
    message: "invalid filter 'x'",
    category: "invalid_argument",
  });
  assert.throws(() => checkFilterKeys(filtersOf({ "": ["y"] }), ["label"]), { message: "invalid filter" });
});

test("booleanFilter: reads true and false, undefined when absent", () => {
  assert.equal(booleanFilter(filtersOf(), "dangling"), undefined);
  for (const yes of ["true", "1"]) assert.equal(booleanFilter(filtersOf({ dangling: [yes] }), "dangling"), true);
  for (const no of ["false", "0"]) assert.equal(booleanFilter(filtersOf({ dangling: [no] }), "dangling"), false);
});

test("booleanFilter: refuses other words and contradictions", () => {
  assert.throws(() => booleanFilter(filtersOf({ dangling: ["maybe"] }), "dangling"), {
    message: "invalid filter 'dangling=[maybe]'",
  });
  assert.throws(() => booleanFilter(filtersOf({ dangling: ["true", "false"] }), "dangling"), {
    message: "invalid filter 'dangling=[true false]'",
  });
});

test("untilFilter: the earliest of several counts", () => {
  const now = Date.UTC(2026, 0, 2);
  assert.equal(untilFilter(filtersOf({ until: ["1h", "24h"] }), now), Date.UTC(2026, 0, 1));
  assert.equal(untilFilter(filtersOf(), now), undefined);
});

test("labels: by key, by key and value, values with equals signs, not by inherited names", () => {
  const labels = { a: "b", c: "d=e", empty: "" };
  assert.ok(hasLabels(["a", "a=b", "c=d=e", "empty", "empty="], labels));
  assert.ok(!hasLabels(["a", "a=c"], labels));
  assert.ok(!hasLabels(["toString"], labels));
  assert.ok(hasAnyLabel(["z", "a"], labels));
  assert.ok(!hasAnyLabel(["z", "a=z"], labels));
  assert.ok(hasLabels([], labels) && !hasAnyLabel([], labels));
});
