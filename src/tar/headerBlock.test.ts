import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FIELD, formatOf, hasValidChecksum, headerName, isZeroBlock, paddingAfter, textAt } from "./headerBlock.ts";
import { rawHeader, withChecksum } from "./testArchive.ts";

test("formatOf: by magic, whatever the version says", () => {
  assert.equal(formatOf(rawHeader({})), "posix");
  assert.equal(formatOf(rawHeader({ magic: "ustar\0  " })), "posix");
  assert.equal(formatOf(rawHeader({ magic: "ustar  \0" })), "gnu");
  for (const magic of ["\0".repeat(8), "ustar", "USTAR\x0000", "ustarX00"]) {
    assert.equal(formatOf(rawHeader({ magic: magic.padEnd(8, "X") })), "v7", JSON.stringify(magic));
  }
});

test("textAt: ends at the first NUL, or fills its field", () => {
  assert.equal(textAt(rawHeader({ name: "abc" }), FIELD.name), "abc");
  assert.equal(textAt(rawHeader({ name: "n".repeat(100) }), FIELD.name), "n".repeat(100));
  assert.equal(textAt(rawHeader({ name: "" }), FIELD.name), "");
  assert.equal(textAt(rawHeader({ raw: [[0, "a\0bcd"]] }), FIELD.name), "a");
});

test("headerName: prefix and name are joined by a slash, an empty prefix is none", () => {
  assert.equal(headerName(rawHeader({ name: "name", prefix: "p".repeat(155) }), "posix"), `${"p".repeat(155)}/name`);
  assert.equal(headerName(rawHeader({ name: "name" }), "posix"), "name");
  assert.equal(headerName(rawHeader({ name: "", prefix: "dir" }), "posix"), "dir/");
});

test("hasValidChecksum: changes with every byte but its own", () => {
  const block = rawHeader({ name: "some/file", size: 12 });
  assert.equal(hasValidChecksum(block), true);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 511 }), fc.integer({ min: 1, max: 127 }), (at, difference) => {
      const [start, length] = FIELD.checksum;
      fc.pre(at < start || at >= start + length);
      const changed = Buffer.from(block);
      changed[at] = ((changed[at] ?? 0) + difference) % 128;
      assert.equal(hasValidChecksum(changed), changed.equals(block));
    }),
  );
});

test("hasValidChecksum: signed sums differ from unsigned ones only by bytes above 127", () => {
  const block = rawHeader({ name: "\x80\xff\x7f" });
  const signed = withChecksum(Buffer.from(block), true);
  assert.notDeepEqual(signed, block);
  assert.equal(hasValidChecksum(signed), true);
  assert.deepEqual(withChecksum(rawHeader({ name: "ascii" }), true), rawHeader({ name: "ascii" }));
});

test("isZeroBlock: one byte is enough to be none", () => {
  assert.equal(isZeroBlock(Buffer.alloc(512)), true);
  for (const at of [0, 1, 148, 156, 511]) {
    const block = Buffer.alloc(512);
    block[at] = 1;
    assert.equal(isZeroBlock(block), false);
  }
});

test("paddingAfter: up to the next multiple of 512, beyond 32 bits too", () => {
  assert.deepEqual([0, 1, 511, 512, 513, 1024].map(paddingAfter), [0, 511, 1, 0, 511, 0]);
  assert.equal(paddingAfter(9_663_676_417), 511);
  assert.equal(paddingAfter(2 ** 52 + 512), 0);
});
