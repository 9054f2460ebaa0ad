import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hasCode } from "#errors";
import { listEntries } from "#erofs";
import type { ErofsEntry, ErofsLayout } from "#erofs";
import type { TarEntry } from "#tar";
import { bytesOf, directory, entry, file, hardlink, layoutOf, openBytes, symlink } from "./erofs.testkit.test.ts";

const damaged = (error: unknown): boolean => hasCode(error, "INVALID_EROFS");

const TREE: readonly TarEntry[] = [
  directory("./"),
  directory("a", { mode: 0o2755 }),
  file("a/b", 33, { uid: 4_000_000_000, mtimeSeconds: -5, xattrs: new Map([["user.k", Uint8Array.of(7)]]) }),
  file("a.txt", 1),
  hardlink("z", "a/b"),
  symlink("l", "t".repeat(700)),
  entry("null", "char", { deviceMajor: 1, deviceMinor: 3 }),
  entry("p", "fifo"),
  directory("o"),
  file("o/.wh..wh..opq", 0),
  file("o/.wh.gone", 0),
];

/** The same by walking, name by name. */
function walked(bytes: Uint8Array): readonly object[] {
  const image = openBytes(bytes);
  const first = new Map<number, string>();
  return [...image.walk()].slice(1).map(({ path, stat }) => {
    const { nid, type, mode, uid, gid, size, mtimeSeconds, nlink, device } = stat;
    const known = type === "directory" || nlink === 1 ? undefined : first.get(nid);
    if (known === undefined) first.set(nid, path);
    const xattrs = [...image.xattrs(nid)].filter(([name]) => name !== "trusted.overlay.opaque");
    const link = known === undefined && type === "symlink" ? { target: image.readlink(nid) } : {};
    const isDevice = known === undefined && (type === "char" || type === "block");
    return {
      path,
      type,
      mode,
      uid,
      gid,
      size: type === "file" && known === undefined ? size : 0,
      mtimeSeconds,
      ...(known === undefined ? link : { target: known, hardLink: true }),
      ...(isDevice && image.isWhiteout(nid) ? { whiteout: true } : {}),
      ...(isDevice && !image.isWhiteout(nid) ? { device } : {}),
      ...(image.isOpaque(nid) ? { opaque: true } : {}),
      ...(xattrs.length === 0 ? {} : { xattrs: Object.fromEntries(xattrs) }),
    };
  });
}

test("listEntries: all that inodes say, parents first, names in byte order", () => {
  const { head, metadata } = layoutOf(TREE);
  const entries = listEntries(head, metadata);
  assert.deepEqual(
    entries.map(({ path }) => path),
    ["a", "a/b", "a.txt", "l", "null", "o", "o/gone", "p", "z"],
  );
  const at = (path: string): ErofsEntry | undefined => entries.find((item) => item.path === path);
  const plain = { uid: 0, gid: 0, size: 0, mtimeSeconds: 1_700_000_000 };
  assert.deepEqual(at("a/b"), {
    path: "a/b",
    type: "file",
    mode: 0o644,
    uid: 4_000_000_000,
    gid: 0,
    size: 33,
    mtimeSeconds: -5,
    xattrs: { "user.k": Uint8Array.of(7) },
  });
  assert.deepEqual([at("z")?.hardLink, at("z")?.target, at("z")?.size], [true, "a/b", 0]);
  assert.equal(at("l")?.target, "t".repeat(700));
  assert.deepEqual(at("null")?.device, { major: 1, minor: 3 });
  assert.deepEqual(at("p"), { path: "p", type: "fifo", mode: 0o644, ...plain });
  assert.deepEqual(at("o"), { path: "o", type: "directory", mode: 0o755, ...plain, opaque: true });
  assert.equal(at("o/gone")?.whiteout, true);
});

const name = fc.constantFrom("a", "b", "c", "é", "z".repeat(200));
const anyEntry = fc
  .record({
    path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    kind: fc.constantFrom("file", "symlink", "directory", "char", "fifo", "hardlink"),
    size: fc.nat(1000),
    target: fc.array(name, { minLength: 1, maxLength: 2 }).map((parts) => parts.join("/")),
  })
  .map(({ path, kind, size, target }) =>
    entry(path, kind, { size: kind === "file" ? size : 0, linkPath: target, deviceMajor: 1, deviceMinor: size % 2 }),
  );

/** undefined for a tar that is refused: hard links to directories. */
function layoutUnless(entries: readonly TarEntry[]): ErofsLayout | undefined {
  try {
    return layoutOf(entries);
  } catch (error) {
    assert.ok(hasCode(error, "INVALID_TAR"), String(error));
    return undefined;
  }
}

test("listEntries: equals a walk, for any tree", () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 60 }), (entries) => {
      const layout = layoutUnless(entries);
      fc.pre(layout !== undefined);
      assert.deepEqual(listEntries(layout.head, layout.metadata), walked(bytesOf(layout)));
    }),
    { numRuns: 200, seed: 20_261_125 },
  );
});

test("listEntries: mutated and cut off metadata is listed or refused", () => {
  const { head, metadata } = layoutOf([
    ...TREE,
    ...Array.from({ length: 60 }, (_, number) => file(`d${number % 4}/file-${number}`, number)),
  ]);
  assert.throws(() => listEntries(head, metadata.subarray(0, 512)), damaged);
  const mutation = fc.record({ at: fc.nat(metadata.length - 1), value: fc.constantFrom(0, 1, 2, 4, 127, 255) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 12 }), (mutations) => {
      const bytes = Buffer.from(metadata);
      for (const { at, value } of mutations) bytes[at] = value;
      try {
        listEntries(head, bytes);
      } catch (error) {
        assert.ok(damaged(error), String(error));
      }
    }),
    { numRuns: 2000, seed: 20_261_125 },
  );
});

test("listEntries: a directory that contains itself is refused", () => {
  const { head, metadata } = layoutOf([directory("./"), directory("a"), directory("a/b")]);
  const bytes = Buffer.from(metadata);
  // Inodes: root 1, a 3, a/b 5. The entry of b is the last of the block of a, the second block.
  bytes.writeUInt32LE(3, 2 * 512 + 24);
  assert.throws(() => listEntries(head, bytes), /loop/);
});
