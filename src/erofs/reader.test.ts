import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hasCode } from "#errors";
import { openErofs, parseLayerHead } from "#erofs";
import type { ErofsImage } from "#erofs";
import type { TarEntry } from "#tar";
import {
  TAR_BYTES,
  UUID,
  bytesOf,
  directory,
  entry,
  file,
  hardlink,
  imageOf,
  layoutOf,
  listing,
  openBytes,
  symlink,
} from "./erofs.testkit.test.ts";

const damaged = (error: unknown): boolean => hasCode(error, "INVALID_EROFS");

test("reader: stat tells what the entry said", () => {
  const fields = {
    mode: 0o6751,
    uid: 4_000_000_000,
    gid: 70_000,
    mtimeSeconds: -12_345_678_901,
    mtimeNanoseconds: 999_999_999,
  };
  const image = imageOf([
    file("f", 33, fields),
    entry("c", "char", { ...fields, deviceMajor: 4095, deviceMinor: 1_048_575 }),
    entry("b", "block", { deviceMajor: 8, deviceMinor: 257 }),
    entry("p", "fifo"),
  ]);
  const stat = image.stat(image.lookup("f") ?? -1);
  assert.deepEqual(stat, {
    nid: stat.nid,
    type: "file",
    size: 33,
    nlink: 1,
    device: { major: 0, minor: 0 },
    ...fields,
  });
  assert.deepEqual(image.stat(image.lookup("c") ?? -1).device, { major: 4095, minor: 1_048_575 });
  assert.deepEqual(image.stat(image.lookup("b") ?? -1).device, { major: 8, minor: 257 });
  assert.equal(image.stat(image.lookup("p") ?? -1).type, "fifo");
});

test("reader: directories count 2 and their subdirectories as links", () => {
  const image = imageOf([directory("a/b"), directory("a/c"), file("a/d", 0)]);
  assert.equal(image.stat(image.lookup("a") ?? -1).nlink, 4);
});

test("reader: lookup finds every one of 5000 names and nothing else", () => {
  const names = Array.from({ length: 5000 }, (_, number) => `name-${number * 7}`);
  const image = imageOf(names.map((name) => file(`d/${name}`, 1)));
  for (const name of names) assert.notEqual(image.lookup(`d/${name}`), undefined, name);
  for (const name of ["", ".", "..", "name-1", "zzz", "a", "name-7/x"])
    assert.equal(image.lookup(`d/${name}`), undefined);
  assert.equal(image.lookup("d/name-0/below"), undefined);
  assert.equal(image.lookup(""), image.root);
});

test("reader: symlinks are not followed", () => {
  const image = imageOf([directory("d"), file("d/x", 1), symlink("l", "d")]);
  assert.equal(image.lookup("l/x"), undefined);
});

test("reader: values of attributes come back byte for byte", () => {
  const acl = Buffer.from("0200000001000600ffffffff04000400ffffffff20000400ffffffff", "hex");
  const xattrs = new Map<string, Uint8Array>([
    ["security.capability", Uint8Array.from([0, 1, 2, 3, 255])],
    ["user.empty", new Uint8Array(0)],
    ["user.big", Uint8Array.from({ length: 60_000 }, (_, index) => index)],
    ["trusted.x", Uint8Array.of(9)],
    ["system.posix_acl_access", Uint8Array.from(acl)],
    ["system.posix_acl_default", Uint8Array.from(acl)],
  ]);
  const image = imageOf([directory("d", { xattrs })]);
  assert.deepEqual(image.xattrs(image.lookup("d") ?? -1), xattrs);
});

test("reader: the head tells tar length, uuid and metadata", () => {
  const layout = layoutOf([file("a", 1)], 1234);
  assert.deepEqual(parseLayerHead(layout.head), {
    tarBytes: 1234,
    uuid: UUID,
    metadataOffset: 4096 + 1536,
    fileBytes: layout.fileBytes,
    inodes: 2,
    rootNid: 1,
  });
});

test("reader: a file never finished, cut off or of another make is refused", () => {
  const bytes = bytesOf(layoutOf([file("a", 1)]));
  assert.throws(() => openBytes(Buffer.alloc(8192)), damaged);
  assert.throws(() => openBytes(bytes.subarray(0, 4000)), damaged);
  assert.throws(() => openBytes(bytes.subarray(0, 5000)), damaged);
  for (const at of [0, 1024, 1024 + 12, 1024 + 80, 1024 + 36, 1024 + 40]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt32LE(0xffff_fff7, at);
    assert.throws(() => [...openBytes(changed).walk()], damaged, `offset ${at}`);
  }
});

test("reader: questions to the wrong kind of inode are refused", () => {
  const image = imageOf([file("f", 1), symlink("s", "x")]);
  const f = image.lookup("f") ?? -1;
  const s = image.lookup("s") ?? -1;
  assert.throws(() => image.readlink(f), damaged);
  assert.throws(() => image.fileExtent(s), damaged);
  assert.throws(() => [...image.readDirectory(f)], damaged);
  for (const nid of [-1, 0.5, 1e9, Number.NaN, 2 ** 60]) assert.throws(() => image.stat(nid), damaged);
});

test("reader: a directory that contains itself ends the walk with an error", () => {
  const layout = layoutOf([directory("./"), directory("a"), directory("a/b")]);
  const bytes = bytesOf(layout);
  // Inodes: root 1, a 3, a/b 5. The entry of b is the last of the block of a, the second block.
  const block = layout.metadataOffset + 2 * 512;
  assert.equal(bytes.readUInt32LE(block + 24), 5);
  bytes.writeUInt32LE(3, block + 24);
  assert.throws(() => [...openBytes(bytes).walk()], /loop/);
});

test("reader: file data outside the tar and spill area is refused", () => {
  const layout = layoutOf([directory("./"), file("a", 10)]);
  for (const blockAddress of [0, 7, layout.metadataOffset / 512, 0xffff_ffff]) {
    const bytes = bytesOf(layout);
    bytes.writeUInt32LE(blockAddress, layout.metadataOffset + 64 + 16);
    assert.throws(() => openBytes(bytes).fileExtent(2), damaged);
  }
});

/** Everything that can be asked; returns how much was answered. */
function readAll(image: ErofsImage): number {
  let answers = 0;
  for (const { path, stat } of image.walk()) {
    answers += 1;
    image.xattrs(stat.nid);
    image.isOpaque(stat.nid);
    image.isWhiteout(stat.nid);
    image.lookup(path);
    if (stat.type === "symlink") image.readlink(stat.nid);
    if (stat.type === "file") {
      const { offset, length } = image.fileExtent(stat.nid);
      assert.ok(offset >= 4096 && offset + length <= image.head.metadataOffset);
    }
  }
  return answers;
}

test("reader: mutated images answer or are refused, and are never read out of range", () => {
  const layout = layoutOf(
    [
      directory("./"),
      ...Array.from({ length: 60 }, (_, number) => file(`d${number % 4}/file-${number}`, number)),
      symlink("d1/l", "t".repeat(700)),
      symlink("d2/s", "short"),
      hardlink("d3/h", "d1/file-1"),
      file("x", 9, { xattrs: new Map([["user.a", Buffer.from("value")]]) }),
      file("d0/.wh..wh..opq", 0),
    ],
    2048 + 512,
  );
  const sound = bytesOf(layout);
  const area = fc.oneof(
    fc.integer({ min: 0, max: 16 }),
    fc.integer({ min: 1024, max: 1152 }),
    fc.integer({ min: layout.metadataOffset, max: sound.length - 1 }),
  );
  const mutation = fc.record({ at: area, value: fc.oneof(fc.constantFrom(0, 1, 2, 127, 255), fc.nat(255)) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 12 }), (mutations) => {
      const bytes = Buffer.from(sound);
      for (const { at, value } of mutations) bytes[at] = value;
      const read = (offset: number, length: number): Uint8Array => {
        assert.ok(offset >= 0 && length >= 0 && length <= 65_536 && offset + length <= 2 ** 42);
        return bytes.subarray(offset, offset + length);
      };
      try {
        readAll(openErofs({ read }));
      } catch (error) {
        assert.ok(damaged(error), String(error));
      }
    }),
    { numRuns: 3000, seed: 20_261_121 },
  );
});

test("reader: truncated images are refused", () => {
  const sound = bytesOf(layoutOf([file("a/b", 3), symlink("c", "d".repeat(900))], 1024));
  for (let length = 0; length < sound.length; length += 97) {
    assert.throws(() => readAll(openBytes(sound.subarray(0, length))), damaged, `length ${length}`);
  }
});

const byteName = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString("latin1").replace(/[\0/]/g, "_"))
  .filter((name) => name !== "." && name !== ".." && !name.startsWith(".wh."));
const anyEntry: fc.Arbitrary<TarEntry> = fc
  .record({
    name: fc.array(fc.oneof(byteName, fc.constantFrom("a", "b", "c")), { minLength: 1, maxLength: 4 }),
    kind: fc.constantFrom("file", "symlink", "directory", "char", "fifo"),
    mode: fc.nat(0o7777),
    uid: fc.nat(4_294_967_294),
    mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    mtimeNanoseconds: fc.nat(999_999_999),
    size: fc.nat(TAR_BYTES - 512),
    linkPath: byteName.map((name) => name.repeat(20)),
    xattrs: fc.option(
      fc
        .array(fc.tuple(byteName, fc.uint8Array({ maxLength: 700 })), { minLength: 1, maxLength: 3 })
        .map(
          (pairs): ReadonlyMap<string, Uint8Array> => new Map(pairs.map(([name, value]) => [`user.${name}`, value])),
        ),
      { nil: undefined },
    ),
  })
  .map(({ name, kind, size, linkPath, ...fields }) =>
    entry(name.join("/"), kind, {
      ...fields,
      size: kind === "file" ? size : 0,
      linkPath: kind === "symlink" ? linkPath : "",
      deviceMajor: 1,
      deviceMinor: 3,
    }),
  );

test("reader: what the writer wrote comes back, for any tree", () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 60 }), (entries) => {
      const image = imageOf(entries);
      const paths = listing(image);
      assert.equal(new Set(paths).size, paths.length);
      // The last entry of a path stands unless a later one removed it or needed a directory there.
      entries.forEach((item, index) => {
        const later = entries.slice(index + 1);
        const related = later.some(
          ({ path }) => path === item.path || path.startsWith(`${item.path}/`) || item.path.startsWith(`${path}/`),
        );
        if (!related) assertSame(image, item);
      });
    }),
    { numRuns: 200, seed: 20_261_121 },
  );
});

function assertSame(image: ErofsImage, item: TarEntry): void {
  const stat = image.stat(image.lookup(item.path) ?? -1);
  assert.deepEqual(
    [stat.type, stat.uid, stat.gid, stat.mtimeSeconds, stat.mtimeNanoseconds],
    [item.type, item.uid, item.gid, item.mtimeSeconds, item.mtimeNanoseconds],
  );
  assert.deepEqual(image.xattrs(stat.nid), item.xattrs ?? new Map());
  if (item.type === "symlink") assert.equal(image.readlink(stat.nid), item.linkPath);
  else assert.equal(stat.mode, item.mode);
  if (item.type === "file" && item.size > 0) {
    assert.deepEqual(image.fileExtent(stat.nid), { offset: 4096 + item.dataOffset, length: item.size });
  }
}
