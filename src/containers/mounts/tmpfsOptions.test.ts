import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeTmpfsOptions, tmpfsText } from "./tmpfsOptions.ts";

test("tmpfs: what the user says takes the place of Docker's own", () => {
  assert.equal(mergeTmpfsOptions("").join(), "noexec,nosuid,nodev,rprivate");
  assert.equal(mergeTmpfsOptions("size=1m,exec,mode=700").join(), "nosuid,nodev,rprivate,size=1m,exec,mode=700");
  assert.equal(mergeTmpfsOptions("ro,rw,size=1m,size=2m,shared").join(), "noexec,nosuid,nodev,rw,size=2m,shared");
  assert.equal(mergeTmpfsOptions("defaults").join(), "noexec,nosuid,nodev,rprivate");
});

test("tmpfs: what no tmpfs takes is refused", () => {
  for (const text of ["foo", "foo=bar", "ro,foo", ""].slice(0, 3)) {
    assert.throws(() => mergeTmpfsOptions(text), {
      category: "internal",
      message: 'invalid tmpfs option "foo"',
    });
  }
});

test("tmpfs: options of a mount as text", () => {
  assert.equal(tmpfsText({ SizeBytes: 1 << 20, Mode: 0o700 }, true), "ro,mode=700,size=1m");
  assert.equal(tmpfsText({ SizeBytes: 1000 }, false), "size=1000");
  assert.equal(tmpfsText({ SizeBytes: 3 * 2 ** 31 }, false), "size=6g");
  assert.equal(tmpfsText({ Options: [["exec"], ["uid", "5"]] }, false), "exec,uid=5");
  assert.throws(() => tmpfsText({ Options: [["a", "b", "c"]] }, false), { message: "invalid option array length" });
});
