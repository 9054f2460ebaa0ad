import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasCode } from "#errors";
import { TarScanner } from "./scanner.ts";
import { END, member, only, padded, pax, rawHeader, scan, withChecksum } from "./testArchive.ts";

const invalid = (error: unknown): boolean => hasCode(error, "INVALID_TAR");
const truncated = (error: unknown): boolean => hasCode(error, "TAR_TRUNCATED");

describe("TarScanner: headers", () => {
  test("plain file: attributes and data range are those of the header", () => {
    const entry = only(member({ name: "etc/passwd", mode: 0o4755, mtime: 1_700_000_000 }, "root:x"));
    assert.deepEqual(entry, {
      path: "etc/passwd",
      type: "file",
      mode: 0o4755,
      uid: 0,
      gid: 0,
      size: 6,
      mtimeSeconds: 1_700_000_000,
      mtimeNanoseconds: 0,
      linkPath: "",
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: undefined,
      dataOffset: 512,
      storedSize: 6,
      sparse: undefined,
    });
  });

  test("types: every known flag gets its type", () => {
    const types = ["0", "\0", "7", "1", "2", "3", "4", "5", "6"].map(
      (flag) => only(rawHeader({ flag, link: "t" })).type,
    );
    assert.deepEqual(types, ["file", "file", "file", "hardlink", "symlink", "char", "block", "directory", "fifo"]);
  });

  test("types: a V7 file whose name ends in a slash is a directory without data", () => {
    const entry = only(rawHeader({ name: "usr/", flag: "\0", magic: "\0".repeat(8) }));
    assert.equal(entry.type, "directory");
    assert.equal(entry.storedSize, 0);
  });

  test("types: an unknown one is skipped together with its data", () => {
    const archive = Buffer.concat([
      member({ flag: "V", name: "label" }, "x".repeat(700)),
      member({ name: "a" }, "1"),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path }) => path),
      ["a"],
    );
  });

  test("links: a size in the header of a hard link has no payload behind it", () => {
    const archive = Buffer.concat([
      rawHeader({ flag: "1", name: "b", link: "a", size: 4096 }),
      member({ name: "c" }),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path, size, linkPath }) => [path, size, linkPath]),
      [
        ["b", 0, "a"],
        ["c", 0, ""],
      ],
    );
  });

  test("devices: major and minor are read from ustar and GNU headers", () => {
    const device = [
      [329, "0000010\0"],
      [337, "0000003\0"],
    ] as const;
    for (const magic of ["ustar\x0000", "ustar  \0"]) {
      const entry = only(rawHeader({ flag: "3", name: "dev/null", magic, raw: device }));
      assert.deepEqual([entry.deviceMajor, entry.deviceMinor], [8, 3]);
    }
  });

  test("devices: a V7 header has no device numbers", () => {
    const entry = only(rawHeader({ flag: "3", magic: "\0".repeat(8), raw: [[329, "junkjunk"]] }));
    assert.equal(entry.deviceMajor, 0);
  });

  test("prefix: joined for POSIX magic only", () => {
    assert.equal(only(rawHeader({ name: "b", prefix: "a" })).path, "a/b");
    assert.equal(only(rawHeader({ name: "b", prefix: "a", magic: "ustar  \0" })).path, "b");
    assert.equal(only(rawHeader({ name: "b", prefix: "a", magic: "\0".repeat(8) })).path, "b");
  });

  test("prefix: star's is 131 bytes long, times follow it", () => {
    const entry = only(
      rawHeader({
        name: "b",
        prefix: "p".repeat(131),
        raw: [
          [476, "00000000001 "],
          [508, "tar\0"],
        ],
      }),
    );
    assert.equal(entry.path, `${"p".repeat(131)}/b`);
  });

  test("names: 100 bytes without a NUL and non-UTF-8 bytes survive", () => {
    assert.equal(only(rawHeader({ name: "n".repeat(100) })).path, "n".repeat(100));
    assert.equal(only(rawHeader({ name: "\xff\xfe" })).path, "\xff\xfe");
  });

  test("checksum: unsigned and signed sums are right, others are refused", () => {
    const block = rawHeader({ name: "caf\xe9" });
    assert.equal(only(block).path, "caf\xe9");
    assert.equal(only(withChecksum(Buffer.from(block), true)).path, "caf\xe9");
    const broken = Buffer.from(block);
    broken[0] = 0x21;
    assert.throws(() => scan(Buffer.concat([broken, END])), invalid);
  });

  test("numbers: base-256 sizes beyond 8 GiB are read", () => {
    const size = Buffer.alloc(12);
    size[0] = 0x80;
    size.writeBigUInt64BE(9_663_676_416n, 4);
    const entries: number[] = [];
    const scanner = new TarScanner({ onEntry: ({ size }) => entries.push(size) });
    scanner.push(rawHeader({ raw: [[124, size]] }));
    assert.deepEqual(entries, [9_663_676_416]);
    assert.throws(() => scanner.finish(), truncated);
  });

  test("numbers: negative base-256 times and owners are read", () => {
    const minus = (bytes: number, value: number): Buffer => Buffer.alloc(bytes, 0xff).fill(256 + value, bytes - 1);
    const entry = only(
      rawHeader({
        raw: [
          [136, minus(12, -5)],
          [108, minus(8, -2)],
        ],
      }),
    );
    assert.equal(entry.mtimeSeconds, -5);
    assert.equal(entry.uid, 4_294_967_294);
  });

  test("numbers: space padded, NUL padded and empty octal fields are read", () => {
    const entry = only(
      rawHeader({
        raw: [
          [100, "   755 \0"],
          [108, "\0".repeat(8)],
          [116, "    12  "],
        ],
      }),
    );
    assert.deepEqual([entry.mode, entry.uid, entry.gid], [0o755, 0, 0o12]);
  });

  test("numbers: a digit that is not octal, a huge or a negative size are refused", () => {
    const huge = Buffer.alloc(12, 0xff).fill(0x80, 0, 1);
    const negative = Buffer.alloc(12, 0xff);
    const archives = [
      [124, "00000000009\0"],
      [124, huge],
      [124, negative],
    ] as const;
    for (const raw of archives) assert.throws(() => scan(Buffer.concat([rawHeader({ raw: [raw] }), END])), invalid);
  });
});

describe("TarScanner: extended headers", () => {
  test("GNU: long name and long link override the header", () => {
    const name = "d/".repeat(80) + "name";
    const link = "t/".repeat(90) + "target";
    const entry = only(
      member({ name: "././@LongLink", flag: "L" }, `${name}\0`),
      member({ name: "././@LongLink", flag: "K" }, `${link}\0`),
      rawHeader({ flag: "2", name: "short", link: "short", magic: "ustar  \0" }),
    );
    assert.deepEqual([entry.path, entry.linkPath], [name, link]);
  });

  test("GNU: a long name ends at its NUL and holds for one entry", () => {
    const archive = Buffer.concat([
      member({ flag: "L" }, "long\0junk"),
      rawHeader({ name: "a" }),
      rawHeader({ name: "b" }),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path }) => path),
      ["long", "b"],
    );
  });

  test("PAX: over GNU over ustar, in whatever order they come", () => {
    const long = member({ flag: "L" }, "gnu\0");
    const extended = pax([["path", "pax"]]);
    assert.equal(only(long, extended, rawHeader({ name: "ustar" })).path, "pax");
    assert.equal(only(extended, long, rawHeader({ name: "ustar" })).path, "pax");
    assert.equal(only(long, rawHeader({ name: "ustar" })).path, "gnu");
  });

  test("PAX: path, linkpath, size, uid, gid and mtime override", () => {
    const entry = only(
      pax([
        ["path", "p"],
        ["uid", "4000000000"],
        ["gid", "70000"],
        ["mtime", "12.5"],
        ["size", "3"],
      ]),
      rawHeader({ name: "u", size: 0 }),
      padded("abc"),
    );
    assert.deepEqual([entry.path, entry.uid, entry.gid, entry.size], ["p", 4_000_000_000, 70_000, 3]);
    assert.deepEqual([entry.mtimeSeconds, entry.mtimeNanoseconds], [12, 500_000_000]);
    assert.equal(only(pax([["linkpath", "l"]]), rawHeader({ flag: "2", link: "u" })).linkPath, "l");
  });

  test("PAX: a size beyond 8 GiB moves the next header", () => {
    const entries: number[] = [];
    const scanner = new TarScanner({ onEntry: ({ size }) => entries.push(size) });
    scanner.push(pax([["size", "9000000000"]]));
    scanner.push(rawHeader({}));
    assert.deepEqual(entries, [9_000_000_000]);
    assert.throws(() => scanner.finish(), truncated);
  });

  test("PAX: xattr values are bytes, newline, equals sign and NUL included", () => {
    const capability = "\x01\0\0\x02\0\x04\n=\0";
    const entry = only(
      pax([
        ["SCHILY.xattr.security.capability", capability],
        ["SCHILY.xattr.user.a", ""],
      ]),
      rawHeader({}),
    );
    assert.equal(Buffer.from(entry.xattrs?.get("security.capability") ?? []).toString("latin1"), capability);
    assert.equal(entry.xattrs?.get("user.a")?.length, 0);
  });

  test("PAX: own records hold for one entry, globals until changed", () => {
    const archive = Buffer.concat([
      pax(
        [
          ["uid", "7"],
          ["mtime", "9"],
        ],
        "g",
      ),
      rawHeader({ name: "a" }),
      pax([["uid", "8"]]),
      rawHeader({ name: "b" }),
      rawHeader({ name: "c" }),
      pax([["uid", "9"]], "g"),
      rawHeader({ name: "d" }),
      END,
    ]);
    assert.deepEqual(
      scan(archive).map(({ path, uid, mtimeSeconds }) => [path, uid, mtimeSeconds]),
      [
        ["a", 7, 9],
        ["b", 8, 9],
        ["c", 7, 9],
        ["d", 9, 9],
      ],
    );
  });

  test("PAX: an empty value takes a global record away", () => {
    const archive = Buffer.concat([pax([["uid", "7"]], "g"), pax([["uid", ""]]), rawHeader({ name: "a" }), END]);
    assert.equal(scan(archive)[0]?.uid, 0);
  });

  test("PAX: a global header at the end of the archive is no entry", () => {
    assert.deepEqual(scan(Buffer.concat([pax([["comment", "c"]], "g"), END])), []);
  });

  test("PAX: malformed records are refused", () => {
    const bodies = [
      "x",
      "8 path=a\n",
      "12 path=a\nzz",
      "8 path=a",
      "0 =\n",
      "99999999999 a=b\n",
      "7 =abcd\n",
      "-8 path=\n",
    ];
    for (const body of bodies) {
      assert.throws(
        () => scan(Buffer.concat([member({ flag: "x" }, body), rawHeader({}), END])),
        invalid,
        JSON.stringify(body),
      );
    }
  });

  test("PAX: values that are no numbers, times or names are refused", () => {
    const records = [
      ["size", "-1"],
      ["size", "1e3"],
      ["uid", "x"],
      ["uid", "4294967296"],
      ["mtime", "."],
      ["mtime", "1.x"],
      ["path", "a\0b"],
    ] as const;
    for (const record of records) {
      assert.throws(() => scan(Buffer.concat([pax([record]), rawHeader({}), END])), invalid, record.join("="));
    }
  });
});

describe("TarScanner: the end", () => {
  const file = member({ name: "a" }, "data");

  test("end of archive: may be two blocks, one, none, or followed by junk", () => {
    const ends = [
      END,
      END.subarray(0, 512),
      END.subarray(0, 0),
      END.subarray(0, 100),
      Buffer.concat([END, Buffer.from("junk")]),
    ];
    for (const end of ends) assert.equal(scan(Buffer.concat([file, end])).length, 1);
  });

  test("end of archive: the padding of the last file may be missing", () => {
    assert.equal(scan(file.subarray(0, 516)).length, 1);
  });

  test("end of archive: an empty stream has no entries", () => {
    assert.deepEqual(scan(Buffer.alloc(0)), []);
  });

  test("end of archive: position and ended are told", () => {
    const scanner = new TarScanner({ onEntry: () => undefined });
    scanner.push(file);
    assert.equal(scanner.ended, false);
    scanner.push(Buffer.concat([END, Buffer.alloc(7000)]));
    assert.equal(scanner.ended, true);
    assert.equal(scanner.position, file.length + 1024 + 7000);
  });

  test("truncated: file data, header, extended header or a lone extended header is an error", () => {
    const long = pax([["path", "p".repeat(600)]]);
    const cut = [file.subarray(0, 515), file.subarray(0, 511), long.subarray(0, 900), long.subarray(0, 512), long];
    for (const bytes of cut) assert.throws(() => scan(bytes), truncated);
    assert.throws(() => scan(member({ flag: "L" }, "name\0")), truncated);
  });

  test("zero block: one alone between headers is refused", () => {
    assert.throws(() => scan(Buffer.concat([Buffer.alloc(512), file])), invalid);
  });

  test("chunks: the caller may reuse its buffer", () => {
    const archive = Buffer.concat([
      pax([
        ["SCHILY.xattr.user.k", "value"],
        ["path", "named"],
      ]),
      file,
      END,
    ]);
    const entries: { path: string; value: string }[] = [];
    const scanner = new TarScanner({
      onEntry: ({ path, xattrs }) => entries.push({ path, value: String(xattrs?.size) }),
    });
    const kept: Uint8Array[] = [];
    const keeping = new TarScanner({ onEntry: ({ xattrs }) => kept.push(xattrs?.get("user.k") ?? new Uint8Array()) });
    const buffer = Buffer.alloc(100);
    for (let at = 0; at < archive.length; at += 100) {
      const bytes = archive.copy(buffer, 0, at, at + 100);
      scanner.push(buffer.subarray(0, bytes));
      keeping.push(buffer.subarray(0, bytes));
      buffer.fill(0xee);
    }
    assert.deepEqual(entries, [{ path: "named", value: "1" }]);
    assert.equal(Buffer.from(kept[0] ?? []).toString(), "value");
  });

  test("chunks: shared memory is accepted", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    assert.equal(scan(shared)[0]?.path, "a");
  });

  test("onEntry: what it throws comes out of push", () => {
    const scanner = new TarScanner({
      onEntry: () => {
        throw new RangeError("mine");
      },
    });
    assert.throws(() => scanner.push(file), RangeError);
  });
});
