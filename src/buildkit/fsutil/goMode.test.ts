import assert from "node:assert/strict";
import { test } from "node:test";
import { toGoMode, toPosixMode } from "./goMode.ts";

const PAIRS: readonly (readonly [what: string, posix: number, go: number])[] = [
  ["file", 0o100644, 0o644],
  ["setuid, setgid, sticky", 0o107755, 0x00d0_0000 | 0o755],
  ["directory", 0o040755, 0x8000_0000 + 0o755],
  ["symlink", 0o120777, 0x0800_0000 | 0o777],
  ["character device", 0o020600, 0x0420_0000 | 0o600],
  ["block device", 0o060600, 0x0400_0000 | 0o600],
  ["pipe", 0o010600, 0x0200_0000 | 0o600],
];

for (const [what, posix, go] of PAIRS)
  test(`goMode: ${what} there and back`, () => {
    assert.equal(toGoMode(posix), go);
    assert.equal(toPosixMode(go), posix);
  });

test("goMode: sockets and irregular files are kept by nobody", () => {
  assert.equal(toPosixMode(0x0100_0000 | 0o600), undefined);
  assert.equal(toPosixMode(0x0008_0000), undefined);
  assert.equal(toPosixMode(0x0020_0000), undefined);
});
