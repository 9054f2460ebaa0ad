import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import { LayerTree } from "#erofs";
import type { LayerIndex } from "#erofs";
import type { TarEntry } from "#tar";
import { directory, entry, file, hardlink, imageOf, listing, symlink } from "./erofs.testkit.test.ts";

const indexOf = (entries: readonly TarEntry[]): LayerIndex => {
  const tree = new LayerTree();
  for (const item of entries) tree.add(item);
  return tree.finish();
};
const refused = (code: string, ...entries: TarEntry[]): void => {
  assert.throws(
    () => indexOf(entries),
    (error) => hasCode(error, code),
  );
};

test("layer tree: the last entry of a path wins", () => {
  const image = imageOf([file("a", 5, { mode: 0o600 }), symlink("a", "x"), file("a", 9, { mode: 0o640 })]);
  const stat = image.stat(image.lookup("a") ?? -1);
  assert.deepEqual([stat.type, stat.size, stat.mode, stat.nlink], ["file", 9, 0o640, 1]);
  assert.deepEqual(listing(image), ["/", "a"]);
});

test("layer tree: a directory upon a directory keeps its children and takes the last attributes", () => {
  const image = imageOf([directory("d", { uid: 1 }), file("d/x", 1), directory("d/", { uid: 2, mode: 0o700 })]);
  const stat = image.stat(image.lookup("d") ?? -1);
  assert.deepEqual([stat.uid, stat.mode], [2, 0o700]);
  assert.deepEqual(listing(image), ["/", "d", "d/x"]);
});

test("layer tree: a file upon a directory removes what was below it", () => {
  const image = imageOf([file("d/x", 1), hardlink("y", "d/x"), file("d", 3)]);
  assert.deepEqual(listing(image), ["/", "d", "y"]);
  assert.equal(image.stat(image.lookup("y") ?? -1).nlink, 1);
});

test("layer tree: missing parents are implied, 0755 of root, until an entry names them", () => {
  const entries = [file("a/b/c", 1, { uid: 7 }), directory("a", { uid: 3 })];
  assert.deepEqual(indexOf(entries).impliedDirectories, ["", "a/b"]);
  const image = imageOf(entries);
  const { mode, uid, gid, mtimeSeconds } = image.stat(image.lookup("a/b") ?? -1);
  assert.deepEqual([mode, uid, gid, mtimeSeconds], [0o755, 0, 0, 0]);
});

test("layer tree: ./ gives the root its attributes and makes it no longer implied", () => {
  const entries = [directory("./", { mode: 0o1777, gid: 4 }), file("./a", 1)];
  assert.deepEqual(indexOf(entries).impliedDirectories, []);
  const image = imageOf(entries);
  const stat = image.stat(image.root);
  assert.deepEqual([stat.mode, stat.gid], [0o1777, 4]);
});

test("layer tree: what names the root and is no directory is ignored with a warning", () => {
  const index = indexOf([file("./", 3)]);
  assert.equal(index.warnings.length, 1);
  assert.equal(index.contentBytes, 0);
});

test("layer tree: a leading slash is stripped", () => {
  assert.deepEqual(listing(imageOf([file("/abs//./x", 1)])), ["/", "abs", "abs/x"]);
});

test("layer tree: a name with .. refuses the layer", () => {
  refused("PATH_ESCAPE", file("a/../../etc/passwd", 1));
  refused("PATH_ESCAPE", file("..", 1));
  refused("PATH_ESCAPE", file("a", 1), hardlink("b", "../../etc/passwd"));
});

test("layer tree: a symlink as parent is replaced, never followed", () => {
  const image = imageOf([symlink("lib", "/etc"), file("lib/passwd", 4)]);
  assert.deepEqual(listing(image), ["/", "lib", "lib/passwd"]);
  assert.equal(image.stat(image.lookup("lib") ?? -1).type, "directory");
});

test("layer tree: a file as parent is replaced and a warning says so", () => {
  const index = indexOf([file("a", 4), file("a/b", 4)]);
  assert.match(index.warnings.join(), /was no directory/);
  assert.deepEqual(index.impliedDirectories, ["", "a"]);
});

test("layer tree: names of 255 bytes and paths of 4095 are kept, longer ones refuse the layer", () => {
  const long = "n".repeat(255);
  assert.deepEqual(listing(imageOf([file(long, 1)])), ["/", long]);
  const deep = Array.from({ length: 2048 }, () => "d").join("/");
  assert.equal(indexOf([file(deep, 1)]).inodes, 2049);
  refused("LAYER_LIMIT", file(`${long}n`, 1));
  refused("LAYER_LIMIT", file(`${long}n/x`, 1));
  refused("LAYER_LIMIT", file(`${deep}d`, 1));
});

test("layer tree: non-UTF-8 names survive byte for byte", () => {
  const name = Buffer.from([0xff, 0xfe, 0x20, 0x80]).toString("latin1");
  assert.deepEqual(listing(imageOf([file(name, 1), file("é", 1)])), ["/", "é", name]);
});

test("layer tree: a NUL in a name, target or hard link refuses the layer", () => {
  refused("INVALID_TAR", file("a\0b", 1));
  refused("INVALID_TAR", symlink("a", "b\0"));
  refused("INVALID_TAR", hardlink("a", "b\0"));
});

test("layer tree: symlinks are as the kernel allows them: 1 to 4095 bytes, mode 0777", () => {
  refused("INVALID_TAR", symlink("a", ""));
  refused("LAYER_LIMIT", symlink("a", "t".repeat(4096)));
  const image = imageOf([symlink("a", "t", { mode: 0o600 })]);
  assert.equal(image.stat(image.lookup("a") ?? -1).mode, 0o777);
});

test("layer tree: owners, times and devices out of range refuse the layer", () => {
  refused("INVALID_TAR", file("a", 1, { uid: 0xffff_ffff }));
  refused("INVALID_TAR", file("a", 1, { gid: -1 }));
  refused("INVALID_TAR", file("a", 1, { mtimeSeconds: 2 ** 60 }));
  refused("INVALID_TAR", file("a", 1, { mtimeNanoseconds: 1e9 }));
  refused("INVALID_TAR", entry("a", "char", { deviceMajor: 4096 }));
  refused("INVALID_TAR", entry("a", "block", { deviceMinor: 1 << 20 }));
});

test("layer tree: a hard link is the same inode, resolved by name when it comes", () => {
  const image = imageOf([file("a", 4), hardlink("b", "./a"), file("a", 6), hardlink("c", "/b")]);
  assert.equal(image.lookup("b"), image.lookup("c"));
  assert.equal(image.stat(image.lookup("b") ?? -1).size, 4);
  assert.equal(image.stat(image.lookup("b") ?? -1).nlink, 2);
  assert.equal(image.stat(image.lookup("a") ?? -1).nlink, 1);
});

test("layer tree: a hard link to a symlink links the symlink", () => {
  const image = imageOf([symlink("a", "target"), hardlink("b", "a")]);
  assert.equal(image.readlink(image.lookup("b") ?? -1), "target");
  assert.equal(image.lookup("a"), image.lookup("b"));
});

test("layer tree: a hard link out of the layer is recorded, has no inode, and can be linked to", () => {
  const index = indexOf([hardlink("d/a", "usr/bin/x"), hardlink("b", "d/a"), hardlink("c", "gone"), file("c", 1)]);
  assert.deepEqual(index.lowerHardlinks, [
    { path: "b", target: "usr/bin/x" },
    { path: "d/a", target: "usr/bin/x" },
  ]);
  assert.deepEqual(index.impliedDirectories, ["", "d"]);
  assert.equal(index.inodes, 3);
});

test("layer tree: a hard link to itself changes nothing", () => {
  const index = indexOf([file("a", 1), hardlink("a", "a"), hardlink("b", "./b")]);
  assert.deepEqual([index.inodes, index.lowerHardlinks], [2, []]);
});

test("layer tree: a hard link to a directory refuses the layer", () => {
  refused("INVALID_TAR", directory("d"), hardlink("l", "d"));
  refused("INVALID_TAR", hardlink("l", "/"));
});

test("layer tree: a whiteout becomes a character device 0/0", () => {
  const entries = [file("d/.wh.gone", 0), file(".wh.top", 0)];
  const image = imageOf(entries);
  assert.deepEqual(listing(image), ["/", "d", "d/gone", "top"]);
  assert.ok(image.isWhiteout(image.lookup("d/gone") ?? -1));
  assert.deepEqual(indexOf(entries).whiteoutDirectories, ["", "d"]);
});

test("layer tree: a whiteout may hide a name of 255 bytes, no longer one", () => {
  const long = "n".repeat(255);
  assert.deepEqual(listing(imageOf([file(`d/.wh.${long}`, 0)])), ["/", "d", `d/${long}`]);
  refused("LAYER_LIMIT", file(`.wh.${long}n`, 0));
  refused("INVALID_TAR", file(".wh.a\0", 0));
});

test("layer tree: a whiteout beside a directory of the layer makes it opaque, before or after it", () => {
  for (const entries of [
    [file(".wh.d", 0), file("d/x", 1)],
    [file("d/x", 1), file(".wh.d", 0)],
  ]) {
    const image = imageOf(entries);
    assert.deepEqual(listing(image), ["/", "d", "d/x"]);
    assert.ok(image.isOpaque(image.lookup("d") ?? -1));
    assert.deepEqual(indexOf(entries).whiteoutDirectories, []);
  }
});

test("layer tree: a whiteout beside a file or lower hard link of the layer vanishes", () => {
  const image = imageOf([file(".wh.f", 0), file("f", 1), file(".wh.l", 0), hardlink("l", "lower")]);
  assert.deepEqual(listing(image), ["/", "f"]);
  assert.equal(image.stat(image.lookup("f") ?? -1).type, "file");
});

test("layer tree: an opaque marker marks its directory, made if it is missing", () => {
  const image = imageOf([file("d/.wh..wh..opq", 0), file(".wh..wh..opq", 0)]);
  assert.ok(image.isOpaque(image.lookup("d") ?? -1) && image.isOpaque(image.root));
  assert.deepEqual(image.xattrs(image.root).get("trusted.overlay.opaque"), Uint8Array.of(0x79));
});

test("layer tree: a device 0/0 of the archive is a whiteout, as the kernel sees it", () => {
  const entries = [directory("d"), entry("d/x", "char", { mode: 0o600 })];
  const image = imageOf(entries);
  assert.ok(image.isWhiteout(image.lookup("d/x") ?? -1));
  assert.deepEqual(indexOf(entries).whiteoutDirectories, ["d"]);
});

test("layer tree: whiteouts hold although their directory is replaced and comes again", () => {
  const image = imageOf([file("d/.wh.x", 0), file("d/.wh..wh..opq", 0), file("d", 1), directory("d")]);
  assert.deepEqual(listing(image), ["/", "d", "d/x"]);
  assert.ok(image.isOpaque(image.lookup("d") ?? -1));
  assert.deepEqual(listing(imageOf([file("d/.wh.x", 0), file("d", 1)])), ["/", "d"]);
});

test("layer tree: AUFS bookkeeping and whiteouts of nothing are ignored", () => {
  const names = [".wh..wh.aufs", ".wh..wh.plnk/7.8", ".wh..wh.orph/x", ".wh.", ".wh..", ".wh...", "d/.wh.x/y"];
  assert.deepEqual(listing(imageOf(names.map((name) => file(name, 0)))), ["/"]);
  assert.deepEqual(listing(imageOf([file("a.wh.b", 1)])), ["/", "a.wh.b"]);
});

test("layer tree: attributes without a place in EROFS, of overlayfs, or ACLs that the kernel refuses are left out", () => {
  const xattrs = new Map<string, Uint8Array>([
    ["user.kept", Buffer.from("v")],
    ["system.nfs4_acl", Buffer.from("v")],
    ["user.", Buffer.from("v")],
    ["trusted.overlay.redirect", Buffer.from("/etc")],
    ["system.posix_acl_access", Buffer.from("junk")],
  ]);
  const image = imageOf([file("a", 1, { xattrs })]);
  assert.deepEqual([...image.xattrs(image.lookup("a") ?? -1).keys()], ["user.kept"]);
  assert.equal(indexOf([file("a", 1, { xattrs })]).warnings.length, 4);
});

test("layer tree: attributes beyond the limits of kernel or format refuse the layer", () => {
  const withXattr = (...pairs: [string, number][]): TarEntry =>
    file("a", 0, { xattrs: new Map(pairs.map(([name, bytes]) => [name, new Uint8Array(bytes)])) });
  assert.equal(indexOf([withXattr([`user.${"n".repeat(250)}`, 65_535])]).inodes, 2);
  refused("LAYER_LIMIT", withXattr([`user.${"n".repeat(251)}`, 1]));
  refused("LAYER_LIMIT", withXattr(["user.a", 65_536]));
  refused("LAYER_LIMIT", withXattr(...["a", "b", "c", "d"].map((name): [string, number] => [`user.${name}`, 65_535])));
  const many = Array.from({ length: 300 }, (_, index): [string, number] => [`user.${"n".repeat(240)}${index}`, 0]);
  refused("LAYER_LIMIT", withXattr(...many));
});

test("layer tree: warnings are bounded and the rest is counted", () => {
  const xattrs = new Map([["system.x", new Uint8Array(1)]]);
  const index = indexOf(Array.from({ length: 50 }, (_, number) => file(`f${number}`, 1, { xattrs })));
  assert.equal(index.warnings.length, 21);
  assert.equal(index.warnings.at(-1), "and 30 more");
});

test("layer tree: too many inodes refuse the layer, implied ones count", () => {
  const tree = new LayerTree({ maxInodes: 3 });
  assert.throws(
    () => tree.add(file("a/b/c", 1)),
    (error) => hasCode(error, "LAYER_LIMIT"),
  );
});

test("layer tree: content bytes count an inode once and symlinks by their target, inodes count the root", () => {
  const index = indexOf([
    file("a", 10),
    hardlink("b", "a"),
    file("c", 5),
    symlink("d", "a"),
    file("gone", 7),
    symlink("gone", "a"),
  ]);
  assert.deepEqual([index.contentBytes, index.inodes], [15 + 1 + 1, 5]);
});

test("layer tree: nothing is taken after finish", () => {
  const tree = new LayerTree();
  tree.finish();
  assert.throws(() => tree.add(file("a", 1)), /after finish/);
  assert.throws(() => tree.finish(), /twice/);
});
