import assert from "node:assert/strict";
import { test } from "node:test";
import { absolutePath, baseName } from "./pathStat.ts";

test("paths: what stands at the end is kept, all else is cleaned", () => {
  const cases = [
    ["etc", "/etc", "etc"],
    ["/etc/", "/etc/", "etc"],
    ["/etc/.", "/etc/.", "."],
    [".", "/.", "."],
    ["/", "/", "/"],
    ["/.", "/.", "."],
    ["../../x//y/../z", "/x/z", "z"],
  ] as const;
  for (const [path, absolute, base] of cases) {
    assert.equal(absolutePath(path), absolute, path);
    assert.equal(baseName(absolute), base, path);
  }
});
