import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { isAtLeast, kernelRelease, parseKernelRelease } from "./kernelRelease.ts";

test("kernelRelease: reads what distributions write", () => {
  const numbers = (text: string): readonly number[] => {
    const { major, minor, patch } = parseKernelRelease(text);
    return [major, minor, patch];
  };
  assert.deepEqual(numbers("6.18.44-fc-v657"), [6, 18, 44]);
  assert.deepEqual(numbers("6.12.9-amd64"), [6, 12, 9]);
  assert.deepEqual(numbers("7.0-rc6"), [7, 0, 0]);
  assert.deepEqual(numbers("5.14.0-427.el9.x86_64"), [5, 14, 0]);
});

test("kernelRelease: refuses text that is no release", () => {
  assert.throws(
    () => parseKernelRelease("linux"),
    (error) => hasCode(error, "UNSUPPORTED_KERNEL"),
  );
});

test("kernelRelease: compares by number, not by text", () => {
  const release = parseKernelRelease("6.12.2");
  assert.ok(isAtLeast(release, { major: 6, minor: 9 }));
  assert.ok(isAtLeast(release, { major: 6, minor: 12, patch: 2 }));
  assert.ok(!isAtLeast(release, { major: 6, minor: 12, patch: 10 }));
  assert.ok(!isAtLeast(release, { major: 7, minor: 0 }));
  assert.ok(isAtLeast(kernelRelease(), { major: 3, minor: 0 }));
});
