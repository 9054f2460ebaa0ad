/** Bytes that must never change: digests of layers that were built, saved or pushed rest on them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { encodeTarHeader } from "./encode.ts";
import type { TarHeader } from "./encode.ts";
import { writeTarStream } from "./stream.ts";

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");

test("golden: every field of a plain header is where POSIX has it", () => {
  const header = Buffer.from(
    encodeTarHeader({
      path: "etc/passwd",
      type: "file",
      mode: 0o640,
      uid: 1,
      gid: 42,
      size: 1234,
      mtimeSeconds: 1_700_000_000,
    }),
  );
  const fields: readonly (readonly [number, number, string])[] = [
    [0, 100, "etc/passwd".padEnd(100, "\0")],
    [100, 8, "0000640\0"],
    [108, 8, "0000001\0"],
    [116, 8, "0000052\0"],
    [124, 12, "00000002322\0"],
    [136, 12, "14524770400\0"],
    [148, 8, "011251\0 "],
    [156, 1, "0"],
    [157, 100, "\0".repeat(100)],
    [257, 8, "ustar\x0000"],
    [265, 64, "\0".repeat(64)],
    [329, 8, "0000000\0"],
    [337, 8, "0000000\0"],
    [345, 167, "\0".repeat(167)],
  ];
  for (const [offset, length, text] of fields) {
    assert.equal(header.toString("hex", offset, offset + length), hex(text), `at ${offset}`);
  }
});

test("golden: an extended header comes first, its records in a fixed order", () => {
  const header = Buffer.from(
    encodeTarHeader({
      path: "d/" + "n".repeat(120),
      type: "symlink",
      linkPath: "t".repeat(130),
      uid: 3_000_000,
      gid: 4_000_000,
      mtimeSeconds: 5,
      mtimeNanoseconds: 60,
      xattrs: new Map([
        ["user.b", Buffer.from("2")],
        ["user.a", Buffer.from("1")],
      ]),
    }),
  );
  assert.equal(header.length, 512 + 512 + 512);
  assert.equal(header.toString("latin1", 0, 100), `PaxHeaders.0/${"n".repeat(87)}`);
  assert.equal(header.toString("latin1", 156, 157), "x");
  const records = header.toString("latin1", 512, 1024).replace(/\0+$/, "").split("\n");
  assert.deepEqual(records, [
    `132 path=d/${"n".repeat(120)}`,
    `144 linkpath=${"t".repeat(130)}`,
    "15 uid=3000000",
    "15 gid=4000000",
    "20 mtime=5.00000006",
    "25 SCHILY.xattr.user.a=1",
    "25 SCHILY.xattr.user.b=2",
    "",
  ]);
});

test("golden: a whole archive keeps its digest", async () => {
  const headers: readonly TarHeader[] = [
    { path: "./", type: "directory", mode: 0o755, mtimeSeconds: 1 },
    { path: "file", type: "file", mode: 0o4755, size: 5, mtimeSeconds: 2, mtimeNanoseconds: 3 },
    { path: "link", type: "hardlink", linkPath: "file" },
    { path: "caf\xc3\xa9", type: "symlink", linkPath: "file", mode: 0o777 },
    { path: "null", type: "char", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    { path: "\xff".repeat(120), type: "fifo" },
  ];
  const hash = createHash("sha256");
  const members = headers.map((header) =>
    header.size === undefined ? { header } : { header, body: [Buffer.from("hello")] },
  );
  for await (const chunk of writeTarStream(members)) hash.update(chunk);
  assert.equal(hash.digest("hex"), "355d05a558d29dd64811c3ea1668dba1523bc8af9edd93fd377d060e1dcca7ee");
});
