import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hasCode } from "#errors";
import {
  isStorableXattr,
  parseXattrBody,
  writeXattrBody,
  xattrBodyBytes,
  xattrBytesOfCount,
  xattrCount,
} from "./xattrs.ts";
import type { Xattrs } from "./xattrs.ts";

function bodyOf(xattrs: Xattrs): Buffer {
  const body = Buffer.alloc(xattrBodyBytes(xattrs));
  if (body.length > 0) writeXattrBody(body, 0, xattrs);
  return body;
}

test("xattrs: a body is a header of 12 zeros and entries padded to 4", () => {
  const body = bodyOf(
    new Map([
      ["user.ab", Buffer.from("xyz")],
      ["security.capability", Buffer.from([1])],
      ["system.posix_acl_access", Buffer.from([2, 3])],
    ]),
  );
  assert.equal(
    body.toString("hex"),
    [
      "000000000000000000000000",
      `02010300${Buffer.from("abxyz").toString("hex")}000000`,
      `0a060100${Buffer.from("capability").toString("hex")}0100`,
      "0002020002030000",
    ].join(""),
  );
});

test("xattrs: five namespaces are stored, others are not", () => {
  for (const name of [
    "user.a",
    "trusted.a",
    "security.selinux",
    "system.posix_acl_access",
    "system.posix_acl_default",
  ]) {
    assert.ok(isStorableXattr(name), name);
  }
  for (const name of [
    "user.",
    "users.a",
    "system.nfs4_acl",
    "system.posix_acl_access2",
    "btrfs.compression",
    "",
    "user.a\0b",
  ]) {
    assert.ok(!isStorableXattr(name), name);
  }
});

test("xattrs: the count of an inode gives the bytes of its body", () => {
  assert.deepEqual([xattrCount(0), xattrBytesOfCount(0)], [0, 0]);
  for (const bytes of [12, 16, 20, 4096]) assert.equal(xattrBytesOfCount(xattrCount(bytes)), bytes);
});

const attribute = fc.tuple(
  fc
    .tuple(
      fc.constantFrom("user.", "trusted.", "security."),
      fc.string({ minLength: 1, maxLength: 60, unit: "grapheme-ascii" }),
    )
    .map((parts) => parts.join("")),
  fc.uint8Array({ maxLength: 2000 }),
);

test("xattrs: any set comes back", () => {
  fc.assert(
    fc.property(fc.array(attribute, { maxLength: 12 }), (pairs) => {
      const xattrs = new Map(pairs.map(([name, value]) => [name, Uint8Array.from(value)]));
      assert.deepEqual(parseXattrBody(bodyOf(xattrs)), xattrs);
    }),
    { numRuns: 300, seed: 20_261_121 },
  );
});

test("xattrs: any bytes are a set or are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const body = Buffer.alloc(12 + ((bytes.length + 3) & ~3));
      body.set(bytes, 12);
      try {
        for (const value of parseXattrBody(body).values()) assert.ok(value.length <= body.length);
      } catch (error) {
        assert.ok(hasCode(error, "INVALID_EROFS"));
      }
    }),
    { numRuns: 2000, seed: 20_261_121 },
  );
});

test("xattrs: shared attributes are refused", () => {
  const body = bodyOf(new Map([["user.a", Buffer.from("b")]]));
  body[4] = 1;
  assert.throws(() => parseXattrBody(body), /shared/);
});
