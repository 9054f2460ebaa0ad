import assert from "node:assert/strict";
import { test } from "node:test";
import { isValidPosixAcl } from "./posixAcl.ts";

const NO_ID = 0xffff_ffff;

function acl(entries: readonly (readonly [tag: number, permissions: number, id: number])[], version = 2): Uint8Array {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(version, 0);
  entries.forEach(([tag, permissions, id], index) => {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  });
  return bytes;
}

const USER_OBJ = [1, 6, NO_ID] as const;
const USER = [2, 7, 1000] as const;
const GROUP_OBJ = [4, 4, NO_ID] as const;
const GROUP = [8, 4, 50] as const;
const MASK = [16, 7, NO_ID] as const;
const OTHER = [32, 0, NO_ID] as const;

test("posix ACL: what the kernel takes is valid", () => {
  assert.ok(isValidPosixAcl(acl([USER_OBJ, GROUP_OBJ, OTHER])));
  assert.ok(isValidPosixAcl(acl([USER_OBJ, GROUP_OBJ, MASK, OTHER])));
  assert.ok(isValidPosixAcl(acl([USER_OBJ, USER, USER, GROUP_OBJ, GROUP, MASK, OTHER])));
});

for (const [what, value] of Object.entries({
  "an empty value": new Uint8Array(0),
  "a value that is cut off": acl([USER_OBJ, GROUP_OBJ, OTHER]).subarray(0, 27),
  "another version": acl([USER_OBJ, GROUP_OBJ, OTHER], 1),
  "no entries": acl([]),
  "a missing owner": acl([GROUP_OBJ, OTHER]),
  "two owners": acl([USER_OBJ, USER_OBJ, GROUP_OBJ, OTHER]),
  "a user without mask": acl([USER_OBJ, USER, GROUP_OBJ, OTHER]),
  "two masks": acl([USER_OBJ, GROUP_OBJ, MASK, MASK, OTHER]),
  "tags out of order": acl([USER_OBJ, OTHER, GROUP_OBJ]),
  "an unknown tag": acl([USER_OBJ, [3, 7, 0], GROUP_OBJ, OTHER]),
  "permissions beyond rwx": acl([[1, 8, NO_ID], GROUP_OBJ, OTHER]),
})) {
  test(`posix ACL: ${what} is not valid`, () => assert.equal(isValidPosixAcl(value), false));
}
