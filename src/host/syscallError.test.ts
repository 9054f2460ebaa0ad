import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { test } from "node:test";
import { EngineError, wrapError } from "#errors";
import { fromNodeError, isErrno, syscallError } from "./syscallError.ts";

const { errno } = constants;
const CATEGORIES = [
  [errno.ENOENT, "not_found", "SYSCALL"],
  [errno.EEXIST, "already_exists", "SYSCALL"],
  [errno.EACCES, "permission_denied", "SYSCALL"],
  [errno.EPERM, "permission_denied", "SYSCALL"],
  [errno.ENOSPC, "resource_exhausted", "NO_SPACE"],
  [errno.EDQUOT, "resource_exhausted", "NO_SPACE"],
  [errno.EBUSY, "conflict", "SYSCALL"],
  [errno.EINVAL, "invalid_argument", "SYSCALL"],
  [errno.EIO, "internal", "SYSCALL"],
] as const;

for (const [number, category, code] of CATEGORIES) {
  test(`syscallError: errno ${number} is ${category}`, () => {
    const error = syscallError({ syscall: "mount", path: "/x", errno: number });
    assert.equal(error.category, category);
    assert.equal(error.code, code);
  });
}

test("syscallError: one line names call, path, reason and the kernel's note", () => {
  const error = syscallError({ syscall: "fsconfig overlay", path: "/m", errno: errno.EINVAL, note: "e overlay: no" });
  assert.equal(error.message, "fsconfig overlay /m: invalid argument (e overlay: no)");
  assert.deepEqual(error.details, { syscall: "fsconfig overlay", errno: "EINVAL", path: "/m" });
});

test("syscallError: names ENOTBLK, which Node does not know", () => {
  const error = syscallError({ syscall: "mount erofs", path: "/m", errno: 15 });
  assert.ok(isErrno(error, "ENOTBLK"));
  assert.equal(error.message, "mount erofs /m: block device required");
});

test("syscallError: errors of node:fs get their category, others pass", () => {
  let caught: unknown;
  try {
    readFileSync("/nonexistent/file");
  } catch (error) {
    caught = error;
  }
  assert.ok(isErrno(caught, "ENOENT"));
  const translated = fromNodeError(caught);
  assert.ok(translated instanceof EngineError);
  assert.equal(translated.category, "not_found");
  assert.ok(isErrno(wrapError(translated, "layer"), "ENOENT"));
  const other = new Error("x");
  assert.equal(fromNodeError(other), other);
  assert.equal(fromNodeError(translated), translated);
  assert.ok(!isErrno(other, "ENOENT"));
});
