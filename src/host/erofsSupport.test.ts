import assert from "node:assert/strict";
import { test } from "node:test";
import { erofsSupport } from "./erofsSupport.ts";
import { parseKernelRelease } from "./kernelRelease.ts";

/** release → may mount from the file, may mount over loop */
const GATES: readonly (readonly [release: string, file: boolean, loop: boolean])[] = [
  ["5.10.0-28-amd64", false, false],
  ["6.1.0-18-amd64", false, false],
  ["6.3.13", false, false],
  ["6.4.0", false, true],
  ["6.8.0-45-generic", false, true],
  // Panic on a file-backed mount with 512-byte blocks (CVE-2024-56750).
  ["6.12.0", false, true],
  ["6.12.1", false, true],
  // Zero pages in the page cache after a SIGKILL.
  ["6.12.2", false, true],
  ["6.12.79", false, true],
  ["6.12.80", true, true],
  ["6.12.86+deb13-amd64", true, true],
  // Ended before the fix.
  ["6.13.12", false, true],
  ["6.17.13", false, true],
  ["6.18.20", false, true],
  ["6.18.21", true, true],
  ["6.18.44-fc-v657", true, true],
  ["6.19.10", false, true],
  ["6.19.11", true, true],
  ["7.0-rc5", false, true],
  ["7.0.0-rc5", false, true],
  ["7.0-rc6", true, true],
  ["7.0.0", true, true],
  ["7.1.0-rc1", true, true],
  ["8.0.0", true, true],
];

for (const [release, file, loop] of GATES) {
  test(`erofsSupport: file ${file ? "yes" : "no"}, loop ${loop ? "yes" : "no"} on ${release}`, () => {
    const support = erofsSupport(parseKernelRelease(release));
    assert.deepEqual({ file: support.file, loop: support.loop }, { file, loop });
    assert.match(support.reason, /^Linux \d/);
  });
}
