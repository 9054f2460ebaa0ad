/** Archives that someone made to hurt: one test for each attack or oddity, by the name that readers know it by. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { categoryOf, hasCode } from "#errors";
import { TarScanner } from "./scanner.ts";
import { readTarStream } from "./stream.ts";
import { END, member, only, padded, pax, rawHeader, scan } from "./testArchive.ts";

const invalid = (error: unknown): boolean => hasCode(error, "INVALID_TAR");

describe("adversarial archives", () => {
  test("header smuggling: a size in PAX and another in the header, PAX rules for what is skipped", () => {
    const hidden = rawHeader({ name: "hidden" });
    const archive = Buffer.concat([
      pax([["size", "512"]]),
      rawHeader({ name: "carrier", size: 0 }),
      hidden,
      rawHeader({ name: "after" }),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path }) => path),
      ["carrier", "after"],
    );
  });

  test("header smuggling: a size on a directory hides no entry", () => {
    const archive = Buffer.concat([rawHeader({ name: "d", flag: "5", size: 512 }), rawHeader({ name: "seen" }), END]);
    assert.deepEqual(
      scan(archive).map(({ path }) => path),
      ["d", "seen"],
    );
  });

  test("header smuggling: a PAX size on a symlink hides no entry", () => {
    const archive = Buffer.concat([
      pax([["size", "512"]]),
      rawHeader({ name: "l", flag: "2", link: "t" }),
      rawHeader({ name: "seen" }),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path }) => path),
      ["l", "seen"],
    );
  });

  test("extended header for an extended header: the size record of one does not reach the next", () => {
    const archive = Buffer.concat([
      pax([["size", "1"]]),
      pax([["path", "second"]]),
      member({ name: "first" }, "abc"),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path, size }) => [path, size]),
      [["second", 3]],
    );
  });

  test("many extended headers before one entry are read, only the last counts", () => {
    const many = Array.from({ length: 500 }, (_, index) => pax([["path", `p${index}`]]));
    assert.equal(only(...many, rawHeader({})).path, "p499");
  });

  test("an extended header of no bytes changes nothing", () => {
    assert.equal(only(rawHeader({ flag: "x", size: 0 }), rawHeader({ name: "n" })).path, "n");
    assert.equal(only(rawHeader({ flag: "g", size: 0 }), rawHeader({ name: "n" })).path, "n");
    assert.equal(only(rawHeader({ flag: "L", size: 0 }), rawHeader({ name: "n" })).path, "");
  });

  test("a PAX record whose length overflows is refused", () => {
    for (const length of ["99999999999999999999", "4294967301", "000000000000012"]) {
      const body = `${length} path=a\n`;
      assert.throws(() => scan(Buffer.concat([member({ flag: "x" }, body), rawHeader({}), END])), invalid, length);
    }
  });

  test("a PAX record that ends within the next one is refused", () => {
    assert.throws(
      () => scan(Buffer.concat([member({ flag: "x" }, "13 path=a\n12 uid=5\n"), rawHeader({}), END])),
      invalid,
    );
  });

  test("a size that reaches beyond all numbers is refused, one that reaches beyond the archive is truncation", () => {
    assert.throws(() => scan(Buffer.concat([pax([["size", "9223372036854775807"]]), rawHeader({}), END])), invalid);
    assert.throws(
      () => scan(Buffer.concat([pax([["size", "9007199254740000"]]), rawHeader({}), END])),
      (error) => hasCode(error, "TAR_TRUNCATED"),
    );
  });

  test("a directory of a million entries is delivered without being kept", () => {
    let count = 0;
    const scanner = new TarScanner({ onEntry: () => (count += 1) });
    const block = rawHeader({ name: "same" });
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => block));
    for (let round = 0; round < 100; round += 1) scanner.push(chunk);
    assert.equal(count, 100_000);
  });

  test("sparse bomb: a hole of 8 EiB takes no memory to describe, and its body comes piece by piece", async () => {
    const size = String(Number.MAX_SAFE_INTEGER);
    const archive = Buffer.concat([
      pax([
        ["GNU.sparse.size", size],
        ["GNU.sparse.map", "0,0"],
      ]),
      rawHeader({ name: "bomb" }),
      END,
    ]);
    assert.equal(scan(archive)[0]?.size, Number.MAX_SAFE_INTEGER);
    for await (const { body } of readTarStream([archive])) {
      let read = 0;
      for await (const chunk of body) {
        read += chunk.length;
        if (read > 1_000_000) break;
      }
      assert.ok(read < 2_000_000);
    }
  });

  test("sparse bomb: a map that claims billions of runs is refused by its first line", () => {
    const records = [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
    ] as const;
    const archive = Buffer.concat([pax(records), member({}, padded("99999999999\n"))]);
    assert.throws(
      () => scan(archive),
      (error) => categoryOf(error) === "resource_exhausted",
    );
  });

  test("sparse map in a directory or link is ignored", () => {
    const records = [
      ["GNU.sparse.map", "0,5"],
      ["GNU.sparse.numblocks", "1"],
    ] as const;
    assert.equal(only(pax(records), rawHeader({ flag: "5", name: "d/" })).sparse, undefined);
    assert.equal(only(pax(records), rawHeader({ flag: "1", link: "t" })).sparse, undefined);
  });

  test("old GNU sparse header of another format's magic is still read as sparse", () => {
    const entry = only(rawHeader({ flag: "S", raw: [[483, "00000010000\0"]] }));
    assert.deepEqual([entry.type, entry.size, entry.sparse], ["file", 4096, []]);
  });

  test("names: NUL in a PAX path or link is refused, so that no check sees another name than the kernel", () => {
    for (const key of ["path", "linkpath", "GNU.sparse.name"]) {
      const records = [
        [key, "safe\0../../evil"],
        ["GNU.sparse.map", "0,0"],
      ] as const;
      const flag = key === "linkpath" ? "2" : "0";
      assert.throws(() => scan(Buffer.concat([pax(records), rawHeader({ flag }), END])), invalid, key);
    }
  });

  test("names: '..', absolute and empty ones are delivered as they are, for whoever unpacks to judge", () => {
    for (const name of ["../../etc/passwd", "/etc/passwd", "a/../../b", ".", ""]) {
      assert.equal(only(rawHeader({ name })).path, name);
    }
  });

  test("a header block of 0xff is no header", () => {
    assert.throws(() => scan(Buffer.alloc(1024, 0xff)), invalid);
  });

  test("compressed bytes are no tar", () => {
    assert.throws(() => scan(Buffer.from("1f8b0800000000000003".padEnd(2048, "42"), "hex")), invalid);
  });

  test("messages name the place in the archive", () => {
    const damaged = rawHeader({ name: "b" }).fill("c", 0, 1);
    const archive = Buffer.concat([member({ name: "a" }, "x".repeat(1000)), damaged]);
    assert.throws(() => scan(archive), /^EngineError: invalid tar: bad header checksum at byte 1536$/);
  });
});
