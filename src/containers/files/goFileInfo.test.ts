import assert from "node:assert/strict";
import { lstatSync } from "node:fs";
import { test } from "node:test";
import { goFileMode, goTime } from "./goFileInfo.ts";

const modeOf = (path: string): number => goFileMode(lstatSync(path, { bigint: true }));

test("Go's FileMode: types and special bits are where Go has them", () => {
  assert.equal(modeOf("/dev/null"), 69206454);
  assert.equal(modeOf("/proc/self"), 2 ** 27 + 0o777);
  assert.equal(Math.floor(modeOf("/tmp") / 2 ** 20), 2 ** 11 + 1, "a directory with the sticky bit");
});

test("Go's time: nanoseconds without zeros at the end", () => {
  assert.equal(goTime(1_795_572_611_889_223_060n), "2026-11-25T02:10:11.88922306Z");
  assert.equal(goTime(0n), "1970-01-01T00:00:00Z");
  assert.equal(goTime(-1n), "1969-12-31T23:59:59.999999999Z");
});
