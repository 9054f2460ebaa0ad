/**
 * The kernel as judge: a layer file is mounted and compared with what GNU tar unpacks from the same archive. Needs root,
 * GNU tar, getfattr, a kernel with EROFS on 512-byte blocks (6.4); fsck.erofs 1.8 or newer for its test.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { closeSync, ftruncateSync, lstatSync, openSync, readSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { LayerTree, layoutErofs, openErofs } from "#erofs";
import type { ErofsImage } from "#erofs";
import { TAR_END, TarScanner, encodeTarHeader, tarPadding } from "#tar";
import type { TarHeader } from "#tar";

const NEEDS_ROOT = process.getuid?.() === 0 ? false : "needs root to mount";
const CHUNK = 1 << 20;

interface Workspace extends Disposable {
  readonly path: string;
  /** Mounts a layer file until the end of the test. */
  mount(image: string): string;
}

function workspace(): Workspace {
  const path = mkdtempSync(join(tmpdir(), "varve-erofs-"));
  const mounts: string[] = [];
  return {
    path,
    mount(image) {
      const target = join(path, `mount${mounts.length}`);
      mkdirSync(target);
      execFileSync("mount", ["-t", "erofs", "-o", "ro", image, target]);
      mounts.push(target);
      return target;
    },
    [Symbol.dispose]() {
      for (const target of mounts) execFileSync("umount", [target]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

interface Member extends TarHeader {
  readonly body?: Uint8Array;
}

const emptyFile = (path: string): Member => ({ path, type: "file" });

function archive(path: string, members: readonly Member[]): string {
  const parts = members.flatMap(({ body = new Uint8Array(0), ...header }) => [
    encodeTarHeader({ mode: 0o644, mtimeSeconds: 1_650_000_000, ...header, size: body.length }),
    body,
    tarPadding(body.length),
  ]);
  writeFileSync(path, Buffer.concat([...parts, TAR_END]));
  return path;
}

/** tar → layer file, as the room `layers` does it, in one thread. */
function layerFile(tarPath: string, target: string): string {
  const tree = new LayerTree();
  const scanner = new TarScanner({ onEntry: (entry) => tree.add(entry) });
  const input = openSync(tarPath, "r");
  const output = openSync(target, "w+");
  const chunk = Buffer.alloc(CHUNK);
  const hash = createHash("sha256");
  let tarBytes = 0;
  for (let length = readSync(input, chunk); length > 0; length = readSync(input, chunk)) {
    scanner.push(chunk.subarray(0, length));
    hash.update(chunk.subarray(0, length));
    writeSync(output, chunk, 0, length, 4096 + tarBytes);
    tarBytes += length;
  }
  scanner.finish();
  const layout = layoutErofs(tree.finish(), { tarBytes, uuid: hash.digest().subarray(0, 16) });
  ftruncateSync(output, layout.fileBytes);
  for (const { from, to, length } of layout.spill.flatMap(({ copies }) => copies)) {
    for (let done = 0; done < length; done += CHUNK) {
      const bytes = readSync(output, chunk, 0, Math.min(CHUNK, length - done), from + done);
      writeSync(output, chunk, 0, bytes, to + done);
    }
  }
  writeSync(output, layout.metadata, 0, layout.metadata.length, layout.metadataOffset);
  writeSync(output, layout.head, 0, layout.head.length, 0);
  closeSync(input);
  closeSync(output);
  return target;
}

function unpack(tarPath: string, target: string): string {
  mkdirSync(target);
  execFileSync("tar", [
    "--xattrs",
    "--xattrs-include=*",
    "--numeric-owner",
    "--warning=none",
    "-xpf",
    tarPath,
    "-C",
    target,
  ]);
  return target;
}

function sha256(path: Buffer): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Attributes of a tree as `getfattr` prints them, a block for each file, sorted; ACLs apart because tar 1.34 restores none. */
function attributesOf(root: string): string[] {
  const text = execFileSync("getfattr", ["-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: root,
    encoding: "latin1",
    maxBuffer: 1 << 28,
  });
  return text
    .split("\n\n")
    .map((block) => block.split("\n").filter((line) => line !== "" && !line.startsWith("system.posix_acl")))
    .filter((lines) => lines.length > 1)
    .map(([name, ...lines]) => [name, ...lines.sort()].join("\n"))
    .sort();
}

/** One line for each file: all that stat tells, the target of a symlink, the hash of a file. */
function factsOf(root: string, options: { readonly withoutTime: readonly string[] }): string[] {
  const facts: string[] = [];
  const visit = (path: Buffer, name: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const fields: Record<string, unknown> = { mode: stat.mode.toString(8), uid: stat.uid, gid: stat.gid };
    if (!options.withoutTime.includes(name)) fields["mtime"] = stat.mtimeNs;
    if (!stat.isDirectory()) Object.assign(fields, { size: stat.size, nlink: stat.nlink });
    if (stat.isCharacterDevice() || stat.isBlockDevice()) fields["rdev"] = stat.rdev;
    if (stat.isSymbolicLink()) fields["target"] = readlinkSync(path, { encoding: "buffer" }).toString("latin1");
    if (stat.isFile()) fields["sha256"] = sha256(path);
    facts.push(
      `${name} ${Object.entries(fields)
        .map(([key, value]) => `${key}=${String(value)}`)
        .join(" ")}`,
    );
    if (!stat.isDirectory()) return;
    for (const child of readdirSync(path, { encoding: "buffer" })) {
      visit(Buffer.concat([path, Buffer.from("/"), child]), `${name}/${child.toString("latin1")}`);
    }
  };
  visit(Buffer.from(root), ".");
  return facts.sort();
}

/** Names that are one inode, as groups. */
function linksOf(root: string): string[] {
  const text = execFileSync("find", [".", "-type", "f", "-links", "+1", "-printf", "%i %p\\n"], {
    cwd: root,
    encoding: "latin1",
  });
  const groups = new Map<string, string[]>();
  for (const line of text.split("\n").filter((line) => line !== "")) {
    const [inode = "", ...name] = line.split(" ");
    groups.set(inode, [...(groups.get(inode) ?? []), name.join(" ")]);
  }
  return [...groups.values()].map((names) => names.sort().join(" = ")).sort();
}

function openFile(path: string): ErofsImage {
  return openErofs({
    read(offset, length) {
      const fd = openSync(path, "r");
      try {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
      } finally {
        closeSync(fd);
      }
    },
  });
}

const VERSION_2_FILE_CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");
const ACL = Buffer.from(
  "0200000001000600ffffffff020007000100000004000400ffffffff10000700ffffffff20000400ffffffff",
  "hex",
);

/** Every case of EROFS.md that GNU tar unpacks as a layer means it; `implied` are directories no entry names. */
function adversarial(): { readonly members: readonly Member[]; readonly implied: readonly string[] } {
  const bytes = (length: number, seed: number): Uint8Array =>
    Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 255);
  const odd = Buffer.from([0xff, 0xfe, 0x2b, 0x80]).toString("latin1");
  const members: Member[] = [
    {
      path: "./",
      type: "directory",
      mode: 0o1755,
      uid: 12,
      gid: 13,
      mtimeSeconds: 1_600_000_000,
      mtimeNanoseconds: 123_456_789,
    },
    ...[0, 1, 511, 512, 513, 4096, 100_001].map(
      (length): Member => ({ path: `sizes/${length}`, type: "file", body: bytes(length, length) }),
    ),
    { path: "sizes/", type: "directory", mode: 0o2775, uid: 4_000_000_000, gid: 70_000 },
    { path: "times/negative", type: "file", mtimeSeconds: -1_000_000_000 },
    { path: "times/nanoseconds", type: "file", mtimeSeconds: 5, mtimeNanoseconds: 987_654_321 },
    { path: "times/far", type: "file", mtimeSeconds: 5_000_000_000 },
    { path: "modes/setuid", type: "file", mode: 0o4755, body: bytes(9, 1) },
    { path: "modes/none", type: "file", mode: 0 },
    { path: "twice", type: "file", body: bytes(700, 1), mode: 0o600 },
    { path: "twice", type: "file", body: bytes(30, 2), mode: 0o640, uid: 5 },
    { path: "dirTwice", type: "directory", mode: 0o700 },
    { path: "dirTwice/kept", type: "file", body: bytes(3, 3) },
    { path: "dirTwice", type: "directory", mode: 0o711, uid: 9 },
    { path: "/absolute/file", type: "file", body: bytes(4, 4) },
    { path: "names/" + "n".repeat(255), type: "file", body: bytes(5, 5) },
    { path: `names/${odd}`, type: "file", body: bytes(6, 6) },
    { path: "names/with space\nand newline", type: "file" },
    ...["+", "!", "-", ",", "#", "..a", "..."].map((name): Member => ({ path: `names/${name}`, type: "file" })),
    { path: `deep/${Array.from({ length: 40 }, (_, level) => `level-${level}`).join("/")}/end`, type: "file" },
    { path: "link/short", type: "symlink", linkPath: "../twice" },
    { path: "link/dangling", type: "symlink", linkPath: `/${odd}` },
    ...[1, 440, 448, 449, 600, 1500, 4000].map(
      (length): Member => ({ path: `link/${length}`, type: "symlink", linkPath: "t".repeat(length) }),
    ),
    { path: "link/owned", type: "symlink", linkPath: "x", uid: 33, gid: 44, mtimeSeconds: 77, mtimeNanoseconds: 1 },
    { path: "hard/a", type: "file", body: bytes(2000, 7) },
    { path: "hard/b", type: "hardlink", linkPath: "hard/a" },
    { path: "other/c", type: "hardlink", linkPath: "./hard/b" },
    { path: "hard/replaced", type: "file", body: bytes(10, 8) },
    { path: "hard/keeps", type: "hardlink", linkPath: "hard/replaced" },
    { path: "hard/replaced", type: "file", body: bytes(11, 9) },
    { path: "dev/null", type: "char", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    { path: "dev/large", type: "block", mode: 0o660, deviceMajor: 259, deviceMinor: 70_000 },
    { path: "dev/fifo", type: "fifo", mode: 0o622 },
    {
      path: "xattr/capability",
      type: "file",
      mode: 0o755,
      body: bytes(8, 1),
      xattrs: new Map([["security.capability", VERSION_2_FILE_CAPABILITY]]),
    },
    {
      path: "xattr/many",
      type: "file",
      xattrs: new Map(
        Array.from({ length: 12 }, (_, index): [string, Uint8Array] => [`user.name${index}`, bytes(index * 11, index)]),
      ),
    },
    { path: "xattr/large", type: "file", body: bytes(1000, 2), xattrs: new Map([["user.large", bytes(3000, 3)]]) },
    {
      path: "xattr/dir",
      type: "directory",
      mode: 0o755,
      xattrs: new Map([
        ["trusted.x", bytes(3, 1)],
        ["user.new\u00e9", bytes(2, 1)],
      ]),
    },
    {
      path: "xattr/link",
      type: "symlink",
      linkPath: "y".repeat(400),
      xattrs: new Map([["trusted.onlink", bytes(60, 1)]]),
    },
    ...Array.from(
      { length: 1500 },
      (_, index): Member => ({ path: `wide/entry-${index * 17}`, type: "file", body: bytes(index % 7, index) }),
    ),
  ];
  const deep = Array.from({ length: 41 }, (_, level) =>
    ["./deep", ...Array.from({ length: level }, (_, part) => `level-${part}`)].join("/"),
  );
  const implied = ["times", "modes", "absolute", "names", "link", "hard", "other", "dev", "xattr", "wide"].map(
    (name) => `./${name}`,
  );
  return { members, implied: [...implied, ...deep] };
}

function assertEqualTrees(mounted: string, unpacked: string, withoutTime: readonly string[]): void {
  assert.deepEqual(factsOf(mounted, { withoutTime }), factsOf(unpacked, { withoutTime }));
  assert.deepEqual(attributesOf(mounted), attributesOf(unpacked));
  assert.deepEqual(linksOf(mounted), linksOf(unpacked));
}

test("erofs mounted: equals what tar unpacks of an adversarial archive", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const { members, implied } = adversarial();
  const tar = archive(join(space.path, "adversarial.tar"), members);
  const mounted = space.mount(layerFile(tar, join(space.path, "layer.erofs")));
  assertEqualTrees(mounted, unpack(tar, join(space.path, "unpacked")), implied);
});

test("erofs mounted: the reader tells what the kernel tells", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const tar = archive(join(space.path, "adversarial.tar"), adversarial().members);
  const layer = layerFile(tar, join(space.path, "layer.erofs"));
  const mounted = space.mount(layer);
  const image = openFile(layer);
  let names = 0;
  for (const { path, stat } of image.walk()) {
    names += 1;
    const full = Buffer.concat([Buffer.from(`${mounted}/`), Buffer.from(path, "latin1")]);
    const kernel = lstatSync(full, { bigint: true });
    assert.deepEqual(
      [
        stat.mode,
        stat.uid,
        stat.gid,
        stat.size,
        stat.nlink,
        BigInt(stat.mtimeSeconds) * 1_000_000_000n + BigInt(stat.mtimeNanoseconds),
      ],
      [
        Number(kernel.mode & 0o7777n),
        Number(kernel.uid),
        Number(kernel.gid),
        Number(kernel.size),
        Number(kernel.nlink),
        kernel.mtimeNs,
      ],
      path,
    );
    if (stat.type === "symlink")
      assert.equal(image.readlink(stat.nid), readlinkSync(full, { encoding: "buffer" }).toString("latin1"));
    if (stat.type !== "file") continue;
    const { offset, length } = image.fileExtent(stat.nid);
    assert.ok(
      readFileSync(layer)
        .subarray(offset, offset + length)
        .equals(readFileSync(full)),
      path,
    );
  }
  assert.equal(names, factsOf(mounted, { withoutTime: [] }).length);
});

test("erofs mounted: ACLs are in force and read back", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const xattrs = new Map([["system.posix_acl_access", ACL]]);
  const tar = archive(join(space.path, "acl.tar"), [{ path: "f", type: "file", mode: 0o674, xattrs }]);
  const mounted = space.mount(layerFile(tar, join(space.path, "layer.erofs")));
  const text = execFileSync("getfacl", ["-cn", "f"], { cwd: mounted, encoding: "utf8" });
  assert.deepEqual(text.trim().split("\n"), ["user::rw-", "user:1:rwx", "group::r--", "mask::rwx", "other::r--"]);
});

test("erofs mounted: whiteouts are devices 0/0 and opaque directories are marked", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const tar = archive(join(space.path, "whiteouts.tar"), [
    { path: "d/.wh.gone", type: "file" },
    { path: "o/.wh..wh..opq", type: "file" },
    { path: "o/new", type: "file" },
    { path: ".wh.again", type: "file" },
    { path: "again/", type: "directory", mode: 0o755 },
  ]);
  const mounted = space.mount(layerFile(tar, join(space.path, "layer.erofs")));
  const gone = lstatSync(join(mounted, "d/gone"));
  assert.deepEqual([gone.isCharacterDevice(), gone.rdev], [true, 0]);
  assert.deepEqual(attributesOf(mounted), [
    "# file: again\ntrusted.overlay.opaque=0x79",
    "# file: o\ntrusted.overlay.opaque=0x79",
  ]);
});

test("erofs mounted: overlayfs applies whiteouts and opaque directories to a lower layer", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const lower = archive(join(space.path, "lower.tar"), ["d/gone", "d/kept", "o/old", "again/old", "f"].map(emptyFile));
  const upper = archive(
    join(space.path, "upper.tar"),
    ["d/.wh.gone", "o/.wh..wh..opq", "o/new", ".wh.again", "again/new", ".wh.f"].map(emptyFile),
  );
  const [top, bottom] = [upper, lower].map((tar) => space.mount(layerFile(tar, `${tar}.erofs`)));
  const merged = join(space.path, "merged");
  mkdirSync(merged);
  execFileSync("mount", ["-t", "overlay", "-o", `ro,lowerdir=${top}:${bottom}`, "overlay", merged]);
  try {
    const names = readdirSync(merged, { recursive: true, encoding: "utf8" }).sort();
    assert.deepEqual(names, ["again", "again/new", "d", "d/kept", "o", "o/new"]);
    // A C library leaves out what has inode 0: `..` of the root's directories did.
    for (const path of [bottom, merged]) {
      const listed = execFileSync("ls", ["-a", join(path ?? "", "d")], { encoding: "utf8" }).split("\n");
      assert.deepEqual(listed.slice(0, 2), [".", ".."]);
    }
  } finally {
    execFileSync("umount", [merged]);
  }
});

for (const format of [
  "gnu",
  "posix --sparse-version=0.0",
  "posix --sparse-version=0.1",
  "posix --sparse-version=1.0",
]) {
  test(`erofs mounted: sparse files of GNU tar, format ${format}`, { skip: NEEDS_ROOT }, () => {
    using space = workspace();
    const source = join(space.path, "source");
    mkdirSync(source);
    writeFileSync(join(source, "hole-first"), "");
    const fd = openSync(join(source, "hole-first"), "r+");
    for (const at of [70_000, 300_000, 301_000, 5_000_000]) writeSync(fd, `data at ${at}`, at);
    closeSync(fd);
    writeFileSync(join(source, "hole-last"), "begin");
    truncateSync(join(source, "hole-last"), 200_000);
    writeFileSync(join(source, "all-hole"), "");
    truncateSync(join(source, "all-hole"), 1_000_000);
    writeFileSync(join(source, "plain"), Buffer.alloc(3000, "p"));
    const tar = join(space.path, "sparse.tar");
    execFileSync("tar", ["-cSf", tar, ...`--format=${format}`.split(" "), "-C", source, "."]);
    const layer = layerFile(tar, join(space.path, "layer.erofs"));
    assertEqualTrees(space.mount(layer), unpack(tar, join(space.path, "unpacked")), []);
    assert.ok(lstatSync(layer).blocks * 512 < 1_000_000, "holes stay holes");
  });
}

test("erofs mounted: a file over 8 GiB is read to its end", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const source = join(space.path, "source");
  mkdirSync(source);
  const size = 8 * 2 ** 30 + 5000;
  writeFileSync(join(source, "big"), "");
  truncateSync(join(source, "big"), size - 4);
  const fd = openSync(join(source, "big"), "r+");
  writeSync(fd, "tail", size - 4);
  closeSync(fd);
  const tar = join(space.path, "big.tar");
  execFileSync("tar", ["-cSf", tar, "--format=posix", "-C", source, "."]);
  const mounted = space.mount(layerFile(tar, join(space.path, "layer.erofs")));
  const input = openSync(join(mounted, "big"), "r");
  const tail = Buffer.alloc(10);
  assert.equal(readSync(input, tail, 0, 10, size - 8), 8);
  closeSync(input);
  assert.equal(tail.toString("latin1", 0, 8), "\0\0\0\0tail");
});

test("erofs mounted: a real tree with links, modes and times equals its archive", { skip: NEEDS_ROOT }, () => {
  using space = workspace();
  const tar = join(space.path, "real.tar");
  execFileSync("tar", ["-cf", tar, "-C", "/", "--format=posix", "etc", "usr/sbin"], {
    stdio: "ignore",
  });
  const mounted = space.mount(layerFile(tar, join(space.path, "layer.erofs")));
  assertEqualTrees(mounted, unpack(tar, join(space.path, "unpacked")), [".", "./usr"]);
});

function fsckIsOldOrMissing(): string | false {
  const { stdout, stderr, error } = spawnSync("fsck.erofs", ["-V"], { encoding: "utf8" });
  if (error !== undefined) return "needs fsck.erofs (erofs-utils 1.8 or newer)";
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(`${stdout}${stderr}`) ?? [];
  return Number(major) * 100 + Number(minor) >= 108
    ? false
    : `needs fsck.erofs 1.8 for 512-byte blocks, this is ${major}.${minor}`;
}

test("erofs mounted: fsck.erofs finds no error", { skip: fsckIsOldOrMissing() }, (context: TestContext) => {
  using space = workspace();
  const tar = archive(join(space.path, "adversarial.tar"), adversarial().members);
  const { status, stdout, stderr } = spawnSync("fsck.erofs", ["-d3", layerFile(tar, join(space.path, "layer.erofs"))], {
    encoding: "utf8",
  });
  context.diagnostic(stdout.trim().split("\n").at(-1) ?? "");
  assert.equal(status, 0, stdout + stderr);
});
