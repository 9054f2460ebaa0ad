import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { LayerTree, layoutErofs, parseLayerHead } from "#erofs";
import {
  TAR_BYTES,
  UUID,
  bytesOf,
  directory,
  entry,
  file,
  hardlink,
  layoutOf,
  openBytes,
  symlink,
} from "./erofs.testkit.test.ts";

const METADATA_BLOCK = (4096 + TAR_BYTES) / 512;

/** Hex of 32 bytes a line, zero lines left out, each with its offset: readable, and exact. */
function dump(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 32) {
    const line = Buffer.from(bytes.subarray(at, at + 32));
    if (line.some((byte) => byte !== 0)) lines.push(`${at.toString(16).padStart(4, "0")} ${line.toString("hex")}`);
  }
  return lines;
}

test("layout: the head is the layer magic, the tar's length and a superblock at 1024", () => {
  const { head } = layoutOf([directory("./")]);
  assert.equal(head.length, 4096);
  assert.deepEqual(dump(head), [
    // "varve", version 1, tarBytes 0x10000
    "0000 7661727665000001000001000000000000000000000000000000000000000000",
    // magic, compat MTIME, 2^9 blocks, root nid 1, 1 inode
    "0400 e2e1f5e000000000020000000900010001000000000000000000000000000000",
    // 0x8a blocks in all, metadata at block 0x88, uuid
    "0420 000000008a00000088000000000000000102030405060708090a0b0c0d0e0f10",
  ]);
});

test("layout: an empty root is one inode and one block of . and ..", () => {
  const { metadata, metadataOffset, fileBytes, inodes } = layoutOf([
    directory("./", { mode: 0o755, uid: 1, gid: 2, mtimeSeconds: -1, mtimeNanoseconds: 5 }),
  ]);
  assert.deepEqual([metadataOffset, fileBytes, inodes], [METADATA_BLOCK * 512, (METADATA_BLOCK + 2) * 512, 1]);
  assert.deepEqual(dump(metadata), [
    // extended plain, no xattrs, 040755, size 27, block 0x89, ino 1, uid 1, gid 2
    "0020 01000000ed4100001b0000000000000089000000010000000100000002000000",
    // mtime -1, 5 ns, nlink 2
    "0040 ffffffffffffffff050000000200000000000000000000000000000000000000",
    // nid 1 at 24 type dir, nid 1 at 25 type dir, ". .."
    "0200 0100000000000000180002000100000000000000190002002e2e2e0000000000",
  ]);
});

test("layout: a file points into the tar, a symlink lies behind its inode, an opaque directory has its mark", () => {
  const { metadata } = layoutOf([
    directory("./"),
    file("f", 0x1_0000_0001 % 1000, { dataOffset: 1024, mode: 0o4755 }),
    symlink("l", "to"),
    directory("o"),
    file("o/.wh..wh..opq", 0),
    entry("dev", "char", { deviceMajor: 0x123, deviceMinor: 0x45678 }),
  ]);
  const words = (at: number): number[] => [0, 4, 8, 16].map((field) => Buffer.from(metadata).readUInt32LE(at + field));
  // Order: root at 32, dev, f, l, o; each inode 64 bytes, l with its target 66 → 96.
  assert.deepEqual(words(96), [1, 0o020644, 0, 0x45612378]);
  assert.deepEqual(words(160), [1, 0o104755, 297, (4096 + 1024) / 512]);
  assert.deepEqual(words(224), [1 | (2 << 1), 0o120777, 2, 0]);
  assert.equal(Buffer.from(metadata.subarray(288, 290)).toString(), "to");
  // icount 1 + 20/4, then 12 bytes of header and {14, index 4, length 1} "overlay.opaque" "y".
  assert.equal(words(320)[0], 1 | (6 << 16));
  assert.equal(
    Buffer.from(metadata.subarray(320 + 64, 320 + 96)).toString("hex"),
    `${"00".repeat(12)}0e040100${Buffer.from("overlay.opaquey").toString("hex")}00`,
  );
});

test("layout: the same tree gives the same bytes, also when laid out twice", () => {
  const tree = new LayerTree();
  for (const item of [file("a", 4), hardlink("b/c", "a"), symlink("d", "x".repeat(3000))]) tree.add(item);
  const index = tree.finish();
  const first = layoutErofs(index, { tarBytes: 4096, uuid: UUID });
  assert.deepEqual(layoutErofs(index, { tarBytes: 4096, uuid: UUID }), first);
});

test("layout: no inode straddles a block and no inline target leaves it", () => {
  const names = Array.from({ length: 300 }, (_, number) => number);
  const image = openBytes(
    bytesOf(
      layoutOf(
        names.map((number) =>
          number % 3 === 0
            ? file(`f${number}`, 1, { xattrs: new Map([["user.x", new Uint8Array(number)]]) })
            : symlink(`s${number}`, "t".repeat(1 + ((number * 37) % 600))),
        ),
      ),
    ),
  );
  for (const { path, stat } of image.walk()) {
    assert.ok(((stat.nid * 32) % 512) + 64 <= 512, path);
    if (stat.type === "symlink" && stat.size <= 448) assert.ok(((stat.nid * 32) % 512) + 64 + stat.size <= 512, path);
    if (stat.type === "symlink") assert.equal(image.readlink(stat.nid), "t".repeat(stat.size));
  }
});

test("layout: names sort by bytes with . and .. among them", () => {
  const names = ["+", "!", "-", " ", "a", "A", "~", "\u00ff", ".a", "..."];
  const { metadata } = layoutOf([directory("./"), ...names.map((name) => file(name, 0))]);
  const block = Buffer.from(metadata.subarray(metadata.length - 512));
  const text = block.toString("latin1", 12 * 12).replace(/\0+$/, "");
  assert.equal(text, [" ", "!", "+", "-", ".", "..", "...", ".a", "A", "a", "~", "\u00ff"].join(""));
});

test("layout: a sparse file gets a copy behind the tar, its runs are told and the metadata comes after it", () => {
  const sparse = [
    { offset: 1000, length: 700 },
    { offset: 3000, length: 10 },
  ];
  const layout = layoutOf([file("s", 5000, { dataOffset: 1024, storedSize: 710, sparse }), file("t", 100)], 2048);
  const fileOffset = 4096 + 2048;
  assert.deepEqual(layout.spill, [
    {
      fileOffset,
      size: 5000,
      copies: [
        { from: 5120, to: fileOffset + 1000, length: 700 },
        { from: 5820, to: fileOffset + 3000, length: 10 },
      ],
    },
  ]);
  assert.equal(layout.metadataOffset, fileOffset + 5120);
  const image = openBytes(bytesOf(layout));
  assert.deepEqual(image.fileExtent(image.lookup("s") ?? -1), { offset: fileOffset, length: 5000 });
  assert.deepEqual(image.fileExtent(image.lookup("t") ?? -1), { offset: 4096 + 512, length: 100 });
});

test("layout: a file that a sparse map moved off the block grid is copied, a whole one on the grid is not", () => {
  const whole = [{ offset: 0, length: 100 }];
  const moved = layoutOf([file("m", 100, { dataOffset: 700, sparse: whole })]);
  assert.deepEqual(moved.spill[0]?.copies, [{ from: 4796, to: 4096 + TAR_BYTES, length: 100 }]);
  assert.deepEqual(layoutOf([file("m", 100, { dataOffset: 1024, sparse: whole })]).spill, []);
  const hole = layoutOf([file("h", 1 << 20, { storedSize: 0, sparse: [] })]);
  assert.deepEqual([hole.spill[0]?.copies, hole.spill[0]?.size], [[], 1 << 20]);
});

test("layout: an inode of several names is copied once", () => {
  const sparse = [{ offset: 512, length: 1 }];
  assert.equal(layoutOf([file("a", 1024, { sparse }), hardlink("b", "a")]).spill.length, 1);
});

test("layout: a tar that does not end on a block is padded", () => {
  assert.equal(layoutOf([directory("./")], 1000).metadataOffset, 4096 + 1024);
});

test("layout: files over 4 GiB keep their size", () => {
  const size = 9 * 2 ** 30 + 1;
  const layout = layoutOf([directory("./"), file("big", size)], 10 * 2 ** 30);
  assert.equal(Buffer.from(layout.metadata).readUIntLE(96 + 8, 6), size);
  assert.equal(parseLayerHead(layout.head).metadataOffset, 4096 + 10 * 2 ** 30);
});

test("layout: sizes that end beyond 2 TiB are refused", () => {
  const refuses = (size: number): void =>
    assert.throws(
      () => layoutOf([file("s", size, { sparse: [] })]),
      (error) => hasCode(error, "LAYER_LIMIT"),
    );
  refuses(2 ** 41);
  refuses(Number.MAX_SAFE_INTEGER);
  assert.ok(layoutOf([file("s", 2 ** 40, { sparse: [] })]).fileBytes > 2 ** 40);
});

test("layout: data beyond the tar and maps out of order are refused", () => {
  const refuses = (...args: Parameters<typeof file>): void =>
    assert.throws(
      () => layoutOf([file(...args)]),
      (error) => hasCode(error, "INVALID_TAR"),
    );
  refuses("a", TAR_BYTES);
  refuses("a", 100, { sparse: [{ offset: 50, length: 51 }] });
  refuses("a", 100, {
    sparse: [
      { offset: 50, length: 10 },
      { offset: 40, length: 5 },
    ],
  });
});
