import assert from "node:assert/strict";
import { test } from "node:test";
import { categoryOf, findEngineError } from "#errors";
import type { TarLimits } from "./entry.ts";
import { END, member, pax, rawHeader, scan } from "./testArchive.ts";

function exceeds(bound: keyof TarLimits): (error: unknown) => boolean {
  return (error) =>
    categoryOf(error) === "resource_exhausted" && findEngineError(error)?.message.includes(bound) === true;
}

test("limits: more entries than allowed are refused", () => {
  const archive = Buffer.concat([rawHeader({ name: "a" }), rawHeader({ name: "b" }), rawHeader({ name: "c" }), END]);
  assert.equal(scan(archive, 512, { maxEntries: 3 }).length, 3);
  assert.throws(() => scan(archive, 512, { maxEntries: 2 }), exceeds("maxEntries"));
});

test("limits: an extended header is refused by its declared size, before its bytes come", () => {
  for (const flag of ["x", "g", "L", "K"]) {
    assert.throws(() => scan(rawHeader({ flag, size: 8_000_000_000 })), exceeds("maxExtendedHeaderBytes"));
  }
});

test("limits: globals that pile up are refused", () => {
  const globals = Array.from({ length: 20 }, (_, index) => pax([[`comment${index}`, "c".repeat(400)]], "g"));
  assert.throws(
    () => scan(Buffer.concat([...globals, END]), 512, { maxExtendedHeaderBytes: 5000 }),
    exceeds("maxExtendedHeaderBytes"),
  );
});

test("limits: names and xattrs of all entries together are bounded", () => {
  const one = Buffer.concat([pax([["SCHILY.xattr.user.x", "v".repeat(900)]]), rawHeader({ name: "a" })]);
  const archive = Buffer.concat([one, one, one, END]);
  assert.equal(scan(archive, 512, { maxMetadataBytes: 3000 }).length, 3);
  assert.throws(() => scan(archive, 512, { maxMetadataBytes: 2000 }), exceeds("maxMetadataBytes"));
});

test("limits: runs of a sparse file are bounded in every format", () => {
  const records = [
    ["GNU.sparse.numblocks", "3"],
    ["GNU.sparse.size", "9"],
    ["GNU.sparse.map", "0,1,2,1,4,1"],
  ] as const;
  const formats = [
    Buffer.concat([pax(records), member({}, "abc")]),
    Buffer.concat([
      pax([
        ["GNU.sparse.major", "1"],
        ["GNU.sparse.minor", "0"],
      ]),
      member({}, "3\n0\n1\n2\n1\n4\n1\n"),
    ]),
    rawHeader({
      flag: "S",
      magic: "ustar  \0",
      raw: [
        [482, "\x01"],
        [386, slots(4)],
      ],
    }),
  ];
  const extension = Buffer.alloc(512);
  extension.write(slots(21), 0, "latin1");
  for (const archive of formats) {
    assert.throws(
      () => scan(Buffer.concat([archive, extension, END]), 512, { maxSparseExtents: 2 }),
      exceeds("maxSparseExtents"),
    );
  }
});

function slots(count: number): string {
  return Array.from(
    { length: count },
    (_, index) => `${index.toString(8).padStart(11, "0")}\0${"0".repeat(11)}\0`,
  ).join("");
}
