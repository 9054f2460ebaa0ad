import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountOptions } from "./mountByName.ts";

test("mount options: flags become bits, the rest is the filesystem's", () => {
  assert.deepEqual(parseMountOptions("bind"), { flags: 0x1000, data: "" });
  assert.deepEqual(parseMountOptions("ro,noexec,size=1m,uid=5"), { flags: 9, data: "size=1m,uid=5" });
  assert.deepEqual(parseMountOptions(""), { flags: 0, data: "" });
});

test("mount options: the last one wins", () => {
  assert.deepEqual(parseMountOptions("ro,rw,nosuid,suid"), { flags: 0, data: "" });
  assert.deepEqual(parseMountOptions("rbind,rslave"), { flags: 0x1000 | 0x4000 | 0x80000, data: "" });
});
