/** Stacks beside the same layers unpacked by GNU tar, one over the other with whiteouts applied. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { StorageDriver } from "#snapshots";
import type { ChainId } from "#oci";
import { TarScanner, cleanTarPath, parseWhiteout, readTarStream, writeTarStream } from "#tar";
import type { TarEntry, TarMemberSource } from "#tar";
import { TestRoot, missing } from "../contract/snapshotterContract.ts";
import { treeFacts } from "../contract/treeFacts.ts";

const DRIVERS: readonly StorageDriver[] = ["erofs-file", "erofs-loop", "overlay2"];
const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures/images");
const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex");

async function entriesOf(tar: Buffer): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ onEntry: (entry) => entries.push(entry) });
  scanner.push(tar);
  scanner.finish();
  return entries;
}

/** What the image-spec says a changeset does, with GNU tar doing the unpacking. Returns the paths that no tar names. */
async function applyLayer(tar: Buffer, root: string): Promise<Set<string>> {
  const archive = `${root}.tar`;
  writeFileSync(archive, tar);
  const entries = await entriesOf(tar);
  for (const { path } of entries) {
    const whiteout = parseWhiteout(cleanTarPath(path));
    if (whiteout === undefined || whiteout.kind === "ignore") continue;
    const at = Buffer.from(join(root, whiteout.path), "latin1");
    if (whiteout.kind === "remove") rmSync(at, { recursive: true, force: true });
    else if (existsSync(at)) for (const name of readdirSync(at)) rmSync(join(at.toString(), name), { recursive: true });
  }
  const options = [
    "--xattrs",
    "--xattrs-include=*",
    "--numeric-owner",
    "--warning=none",
    "--anchored",
    "--exclude=.wh.*",
    "--no-anchored",
    "--exclude=.wh.*",
  ];
  execFileSync("tar", [...options, "-xpf", archive, "-C", root], { stdio: "ignore" });
  rmSync(archive);
  return new Set(entries.map(({ path }) => cleanTarPath(path)));
}

/** Directories whose time tar leaves to chance: those that the last layer to touch them does not name. */
function touched(named: readonly ReadonlySet<string>[]): (path: string) => boolean {
  return (path) => {
    const below = (names: ReadonlySet<string>): boolean =>
      [...names].some((name) => path === "" || name.startsWith(`${path}/`));
    const last = named.findLast((names) => names.has(path) || below(names));
    return (
      last?.has(path) !== true ||
      named.some((names) => [...names].some((name) => name.includes(".wh.") && below(names)))
    );
  };
}

async function compare(t: TestContext, driver: StorageDriver, tars: readonly Buffer[]): Promise<number> {
  const root = await TestRoot.open(t, driver);
  const reference = join(root.path, "reference");
  mkdirSync(reference);
  const named: Set<string>[] = [];
  let chain: ChainId | undefined;
  for (const tar of tars) {
    await using writer = await root.layers.ingestTar();
    await writer.write(tar);
    chain = await root.snapshots.commitLayer((await writer.commit()).layer.diffId, chain);
    named.push(await applyLayer(tar, reference));
  }
  const withoutTime = touched(named);
  const isDirectory = (path: string): boolean =>
    lstatSync(Buffer.from(join(reference, path), "latin1"), { throwIfNoEntry: false })?.isDirectory() === true;
  const options = { withoutTime: (path: string): boolean => isDirectory(path) && withoutTime(path) };
  await root.snapshots.view("v", chain);
  const expected = treeFacts(reference, options);
  assert.deepEqual(treeFacts((await root.snapshots.mount("v")).path, options), expected);
  assert.deepEqual(treeFacts(await root.run("c", chain), options), expected);
  return Object.keys(expected).length;
}

async function tarOf(members: readonly TarMemberSource[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTarStream(members)));
}

function member(header: TarMemberSource["header"], data = ""): TarMemberSource {
  const time = { mode: 0o644, mtimeSeconds: 1_650_000_000 };
  return {
    header: { ...time, ...header, size: Buffer.byteLength(data) },
    body: data === "" ? [] : [Buffer.from(data)],
  };
}

async function adversarial(): Promise<Buffer> {
  const odd = "\xff\xfe+\x80";
  const xattrs = new Map([
    ["user.text", Buffer.from("a=b\n\0")],
    ["security.capability", CAPABILITY],
    ["trusted.own", Buffer.from([0])],
  ]);
  return tarOf([
    member({ path: "./", type: "directory", mode: 0o1755, uid: 12, gid: 13, mtimeNanoseconds: 123_456_789 }),
    member({ path: "./dot", type: "file", mtimeSeconds: -5, mtimeNanoseconds: 250_000_000 }, "dot"),
    member({ path: "/absolute", type: "file" }, "absolute"),
    member({ path: "twice", type: "file", uid: 1 }, "first"),
    member({
      path: "d",
      type: "directory",
      mode: 0o2775,
      gid: 50,
      mtimeSeconds: 1,
      mtimeNanoseconds: 2,
      xattrs: new Map([["user.d", Buffer.from("d")]]),
    }),
    member({ path: `d/${"n".repeat(240)}`, type: "file" }, "long"),
    member({ path: `d/${odd}`, type: "file" }, "odd"),
    member({ path: `d/${odd.repeat(40)}`, type: "symlink", linkPath: odd.repeat(60) }),
    member({ path: "d/cap", type: "file", mode: 0o4755, uid: 3_000_000_000, gid: 70_000, xattrs }, "capable"),
    member({ path: "link1", type: "hardlink", linkPath: "d/cap" }),
    member({ path: "./link2", type: "hardlink", linkPath: "/link1" }),
    member({ path: "null", type: "char", mode: 0o666, deviceMajor: 1, deviceMinor: 3 }),
    member({ path: "disk", type: "block", mode: 0o660, deviceMajor: 259, deviceMinor: 70_000 }),
    member({ path: "pipe", type: "fifo", mode: 0o600 }),
    member({ path: "l", type: "symlink", linkPath: "t".repeat(4000) }),
    member({ path: "empty", type: "file", mode: 0 }),
    member({ path: "hl-symlink", type: "hardlink", linkPath: "l" }),
    member({ path: "twice", type: "file", uid: 2 }, "second"),
    member({
      path: "d",
      type: "directory",
      mode: 0o711,
      uid: 9,
      mtimeNanoseconds: 999_999_999,
      xattrs: new Map([["user.d", Buffer.from("D")]]),
    }),
    member({ path: "made/up/file", type: "file" }, "implied"),
  ]);
}

for (const driver of DRIVERS) {
  const skip = missing(driver);

  test(`stack over ${driver}: equals tar -x for an adversarial layer`, { skip }, async (t) => {
    assert.ok((await compare(t, driver, [await adversarial()])) > 15);
  });

  test(`stack over ${driver}: equals tar -x for upper layers that whiteout, imply and replace`, { skip }, async (t) => {
    const upper = await tarOf([
      member({ path: `d/.wh.${"n".repeat(240)}`, type: "file" }),
      member({ path: ".wh.empty", type: "file" }),
      member({ path: "d/new", type: "file" }, "new"),
      member({ path: "made/up/too", type: "file" }, "too"),
      member({ path: "null", type: "directory", mode: 0o755 }),
      member({ path: "null/file", type: "file" }, "in a directory that was a device"),
      member({ path: "twice", type: "symlink", linkPath: "dot" }),
      member({ path: "fresh/.wh.none", type: "file" }),
      member({ path: "fresh/one", type: "file" }),
    ]);
    const top = await tarOf([
      member({ path: "made", type: "directory", mode: 0o700 }),
      member({ path: "made/.wh..wh..opq", type: "file" }),
      member({ path: "made/again", type: "file" }, "again"),
      member({ path: ".wh.fresh", type: "file" }),
      member({ path: ".wh..wh.plnk", type: "file" }),
    ]);
    await compare(t, driver, [await adversarial(), upper, top]);
  });

  test(`stack over ${driver}: equals tar -x for sparse files of every format`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "varve-sparse-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const out = openSync(join(folder, "sparse"), "w");
    for (let run = 0; run < 30; run += 1) writeSync(out, Buffer.alloc(4096, run + 1), 0, 4096, run * 65_536 + 8192);
    closeSync(out);
    truncateSync(join(folder, "sparse"), 3_000_000);
    for (const format of [
      "gnu",
      "posix --sparse-version=0.0",
      "posix --sparse-version=0.1",
      "posix --sparse-version=1.0",
    ]) {
      const tar = execFileSync("tar", ["-C", folder, "--sparse", ...`--format=${format}`.split(" "), "-c", "."], {
        maxBuffer: 1 << 26,
      });
      assert.ok(tar.length < 1_000_000);
      await compare(t, driver, [tar]);
    }
  });
}

/** Layers of a docker-archive, base first, decompressed. */
async function layersOf(archive: string): Promise<Buffer[]> {
  const files = new Map<string, Buffer>();
  for await (const { entry, body } of readTarStream([readFileSync(archive)])) {
    const bytes = Buffer.concat(await Array.fromAsync(body));
    files.set(cleanTarPath(entry.path), bytes);
  }
  const manifest = JSON.parse(String(files.get("manifest.json"))) as readonly { readonly Layers: readonly string[] }[];
  return (manifest[0]?.Layers ?? []).map((name) => {
    const bytes = files.get(name) ?? assert.fail(`no ${name} in ${archive}`);
    return bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
  });
}

const ARCHIVES = [
  join(FIXTURES, "test-docker-image.tar"),
  join(FIXTURES, "test-kaniko-image.tar"),
  // What `docker save` wrote, for a run with images of one's own.
  ...(process.env["VARVE_TEST_IMAGES"] ?? "").split(":").filter((path) => path !== ""),
];

for (const archive of ARCHIVES) {
  const absent = existsSync(archive) ? false : `${basename(archive)} is not there`;
  for (const driver of DRIVERS) {
    test(`stack over ${driver}: equals tar -x for ${basename(archive)}`, {
      skip: missing(driver) || absent,
    }, async (t) => {
      assert.ok((await compare(t, driver, await layersOf(archive))) > 1);
    });
  }
}
