import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { encodeTarHeader, tarPadding } from "./encode.ts";
import type { TarHeader } from "./encode.ts";
import type { TarEntry } from "./entry.ts";
import { TarScanner } from "./scanner.ts";

/** The header scanned again; its data, which may be huge, never comes. */
function reread(header: TarHeader): TarEntry {
  const bytes = encodeTarHeader(header);
  assert.equal(bytes.length % 512, 0);
  const entries: TarEntry[] = [];
  new TarScanner({ onEntry: (entry) => entries.push(entry) }).push(bytes);
  const [entry] = entries;
  assert.ok(entry);
  return entry;
}

test("encodeTarHeader: what ustar can say takes one block", () => {
  const header = encodeTarHeader({ path: "etc/passwd", type: "file", mode: 0o644, size: 10, mtimeSeconds: 1 });
  assert.equal(header.length, 512);
  assert.equal(Buffer.from(header).toString("latin1", 257, 265), "ustar\x0000");
});

test("encodeTarHeader: the same entry gives the same bytes, whatever the order of its xattrs", () => {
  const xattrs = [
    ["user.b", new Uint8Array([1])],
    ["user.a", new Uint8Array([2])],
  ] as const;
  const one = encodeTarHeader({ path: "f", type: "file", xattrs: new Map(xattrs) });
  const two = encodeTarHeader({ path: "f", type: "file", xattrs: new Map([xattrs[1], xattrs[0]]) });
  assert.deepEqual(one, two);
});

test("encodeTarHeader: a directory gets its slash once", () => {
  assert.equal(reread({ path: "usr", type: "directory" }).path, "usr/");
  assert.equal(reread({ path: "usr/", type: "directory" }).path, "usr/");
});

test("encodeTarHeader: long and non-ASCII names go through PAX", () => {
  for (const path of ["p".repeat(101), "d/".repeat(600) + "f", "caf\xc3\xa9", "p".repeat(255)]) {
    assert.equal(reread({ path, type: "file" }).path, path);
    assert.equal(reread({ path: "l", type: "symlink", linkPath: path }).linkPath, path);
  }
});

test("encodeTarHeader: names that are no UTF-8 stay in the old field, or are marked as binary", () => {
  const short = encodeTarHeader({ path: "\xff", type: "file" });
  assert.equal(short.length, 512);
  const path = "\xff".repeat(200);
  const long = encodeTarHeader({ path, type: "file" });
  assert.ok(Buffer.from(long).includes("hdrcharset=BINARY\n"));
  assert.equal(reread({ path, type: "file" }).path, path);
  assert.ok(!Buffer.from(encodeTarHeader({ path: "caf\xc3\xa9", type: "file" })).includes("hdrcharset"));
});

test("encodeTarHeader: sizes, owners and times beyond ustar are kept", () => {
  const entry = reread({
    path: "big",
    type: "file",
    size: 9_663_676_416,
    uid: 4_000_000_000,
    gid: 3_000_000,
    mtimeSeconds: -3,
    mtimeNanoseconds: 250_000_000,
  });
  assert.deepEqual([entry.size, entry.uid, entry.gid], [9_663_676_416, 4_000_000_000, 3_000_000]);
  assert.deepEqual([entry.mtimeSeconds, entry.mtimeNanoseconds], [-3, 250_000_000]);
});

test("encodeTarHeader: devices, fifos and hard links have no data", () => {
  const device = reread({ path: "null", type: "char", deviceMajor: 1, deviceMinor: 1_048_575, size: 99 });
  assert.deepEqual([device.type, device.deviceMajor, device.deviceMinor, device.size], ["char", 1, 1_048_575, 0]);
  assert.equal(reread({ path: "pipe", type: "fifo" }).type, "fifo");
  assert.deepEqual(reread({ path: "b", type: "hardlink", linkPath: "a", size: 9 }).size, 0);
});

test("encodeTarHeader: xattr values may hold any byte", () => {
  const value = new Uint8Array([0, 10, 61, 255, 1]);
  const entry = reread({ path: "f", type: "file", xattrs: new Map([["security.capability", value]]) });
  assert.deepEqual([...(entry.xattrs?.get("security.capability") ?? [])], [...value]);
});

test("encodeTarHeader: what no tar can hold is refused", () => {
  const headers: readonly TarHeader[] = [
    { path: "", type: "file" },
    { path: "f/", type: "file" },
    { path: "a\0b", type: "file" },
    { path: "a", type: "symlink", linkPath: "\0" },
    { path: "a", type: "char", deviceMajor: 2 ** 30 },
    { path: "a", type: "file", xattrs: new Map([["user.a=b", new Uint8Array()]]) },
  ];
  for (const header of headers)
    assert.throws(
      () => encodeTarHeader(header),
      (error) => hasCode(error, "INVALID_TAR"),
      JSON.stringify(header),
    );
});

test("tarPadding: reaches the next block", () => {
  assert.deepEqual(
    [0, 1, 511, 512, 513].map((size) => tarPadding(size).length),
    [0, 511, 1, 0, 511],
  );
});
