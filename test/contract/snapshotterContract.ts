/** What every snapshotter must do, whatever its driver. Run by `test/integration/snapshots*.test.ts`; needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { hasCode, isCancelled } from "#errors";
import { getXattrs, listMounts, unmount } from "#host";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { parseChainId } from "#oci";
import type { ChainId, DiffId } from "#oci";
import { openSnapshotter } from "#snapshots";
import type { Snapshotter, StorageDriver } from "#snapshots";
import { writeTarStream } from "#tar";
import type { TarHeader } from "#tar";

/** An entry of a layer; `data` makes it a file. */
export type Member = Omit<TarHeader, "size" | "type"> & { readonly type?: TarHeader["type"]; readonly data?: string };

/** What a daemon opens in a data root. */
export interface Stores {
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly snapshots: Snapshotter;
}

export async function openStores(path: string, driver: StorageDriver | undefined): Promise<Stores> {
  const metadata = openMetadata(join(path, "varve.db"));
  const layers = await openLayerStore({ root: join(path, "layers"), records: metadata.layers, workers: 3 });
  const records = metadata.snapshots;
  const { settings } = metadata;
  const forced = driver === undefined ? {} : { driver };
  const snapshots = await openSnapshotter({ dataRoot: path, records, settings, layers, ...forced });
  return { metadata, layers, snapshots };
}

/** Brings a layer into the store; its tar has the same bytes every time. */
export async function addLayer(layers: LayerStore, members: readonly Member[]): Promise<DiffId> {
  const tar = writeTarStream(
    members.map(({ data, ...header }) => ({
      header: {
        mode: 0o644,
        mtimeSeconds: 1_600_000_000,
        type: data === undefined ? ("directory" as const) : ("file" as const),
        ...header,
        size: Buffer.byteLength(data ?? ""),
      },
      body: data === undefined || data === "" ? [] : [Buffer.from(data)],
    })),
  );
  await using writer = await layers.ingestTar();
  for await (const chunk of tar) await writer.write(chunk);
  return (await writer.commit()).layer.diffId;
}

/** A data root with its stores, as the daemon has them. */
export class TestRoot {
  readonly path: string;
  readonly #driver: StorageDriver | undefined;
  #stores: Stores;

  private constructor(path: string, driver: StorageDriver | undefined, stores: Stores) {
    this.path = path;
    this.#driver = driver;
    this.#stores = stores;
  }

  /** `path`: where it shall lie; default a new directory. All is closed and removed when the test ends. */
  static async open(
    t: TestContext,
    driver: StorageDriver | undefined,
    path: string = mkdtempSync(join(tmpdir(), "varve-snapshots-")),
  ): Promise<TestRoot> {
    const root = new TestRoot(path, driver, await openStores(path, driver));
    t.after(async () => {
      await root.snapshots.close();
      await root.layers.close();
      root.metadata[Symbol.dispose]();
      for (const { target } of (await listMounts(path)).toReversed()) await unmount(target, { lazy: true });
      rmSync(path, { recursive: true, force: true });
    });
    return root;
  }

  get metadata(): Metadata {
    return this.#stores.metadata;
  }

  get layers(): LayerStore {
    return this.#stores.layers;
  }

  get snapshots(): Snapshotter {
    return this.#stores.snapshots;
  }

  /** As after kill -9: nothing is closed that would tidy up; mounts stay. */
  async crash(driver: StorageDriver | undefined = this.#driver): Promise<void> {
    await this.layers.close();
    this.metadata[Symbol.dispose]();
    this.#stores = await openStores(this.path, driver);
  }

  layer(members: readonly Member[]): Promise<DiffId> {
    return addLayer(this.layers, members);
  }

  /** Commits layers (base first) and returns the chain's name. */
  async stack(...layers: readonly (readonly Member[])[]): Promise<ChainId> {
    let parent: ChainId | undefined;
    for (const members of layers) parent = await this.snapshots.commitLayer(await this.layer(members), parent);
    assert.ok(parent !== undefined);
    return parent;
  }

  /** Mounts a writable top over a stack and returns its root. */
  async run(key: string, parent: ChainId | undefined): Promise<string> {
    await this.snapshots.prepare(key, parent);
    return (await this.snapshots.mount(key)).path;
  }

  idOf(name: string): string {
    return this.metadata.snapshots.get(name)?.id ?? assert.fail(`no snapshot ${name}`);
  }

  at(name: string, part: string): string {
    return join(this.path, "overlay2", this.idOf(name), part);
  }
}

const dir = (path: string, rest: Partial<Member> = {}): Member => ({ path, type: "directory", mode: 0o755, ...rest });
const file = (path: string, data: string, rest: Partial<Member> = {}): Member => ({
  path,
  type: "file",
  data,
  ...rest,
});
const BASE: readonly Member[] = [
  dir("./"),
  dir("etc"),
  file("etc/a", "base a"),
  file("etc/b", "base b"),
  dir("usr"),
  file("usr/x", "x"),
];

/** Path → content ("/" for a directory, "-> target" for a symlink) of everything below a directory. */
function tree(root: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    const stat = lstatSync(join(root, path));
    if (stat.isDirectory()) Object.assign(found, { [path]: "/" }, tree(root, path));
    else
      found[path] = stat.isSymbolicLink()
        ? `-> ${readlinkSync(join(root, path))}`
        : readFileSync(join(root, path), "utf8");
  }
  return found;
}

const failsWith =
  (code: string) =>
  (error: unknown): boolean =>
    hasCode(error, code);

export function snapshotterContract(driver: StorageDriver): void {
  const name = (what: string): string => `snapshotter ${driver}: ${what}`;

  describe(`snapshotter ${driver}`, () => {
    test(name("a stack reads as its layers say, whiteouts and opaque directories applied"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(
        BASE,
        [dir("./"), dir("etc"), file("etc/a", "upper a"), file("etc/.wh.b", ""), file("etc/c", "c")],
        [dir("./"), dir("usr"), file("usr/.wh..wh..opq", ""), file("usr/y", "y")],
      );
      const merged = await root.run("c1", chain);
      const [mounted] = await listMounts(merged);
      assert.deepEqual([mounted?.type, mounted?.source], ["overlay", "overlay"]);
      assert.deepEqual(tree(merged), { etc: "/", "etc/a": "upper a", "etc/c": "c", usr: "/", "usr/y": "y" });
      assert.equal(root.snapshots.driver.name, driver === "overlay2" ? "overlay2" : "erofs");
    });

    test(name("a writable top keeps its changes over unmount and mount, layers stay as they are"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const merged = await root.run("c1", chain);
      writeFileSync(join(merged, "etc/a"), "mine");
      rmSync(join(merged, "usr/x"));
      await root.snapshots.unmount("c1");
      assert.deepEqual(readdirSync(merged), []);
      await root.snapshots.mount("c1");
      assert.equal(readFileSync(join(merged, "etc/a"), "utf8"), "mine");
      assert.equal(existsSync(join(merged, "usr/x")), false);
      const other = await root.run("c2", chain);
      assert.equal(readFileSync(join(other, "etc/a"), "utf8"), "base a");
    });

    test(name("a volatile top may be mounted again in the same boot"), async (t) => {
      const root = await TestRoot.open(t, driver);
      await root.snapshots.prepare("c1", await root.stack(BASE));
      for (const content of ["", "first", "second"]) {
        const { path } = await root.snapshots.mount("c1", { volatile: content !== "second" });
        const file = join(path, "mine");
        if (content !== "") assert.equal(readFileSync(file, "utf8"), content === "first" ? "" : "first");
        writeFileSync(file, content);
        await root.snapshots.unmount("c1");
      }
    });

    test(name("implied parents keep the attributes that a lower layer gave them"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const xattrs = new Map([["user.kept", Buffer.from("yes")]]);
      const chain = await root.stack(
        [
          dir("./"),
          dir("srv", { mode: 0o1777 }),
          dir("srv/data", { mode: 0o700, uid: 33, gid: 44, mtimeNanoseconds: 7, xattrs }),
          file("srv/data/old", "old"),
        ],
        [file("srv/data/new", "new"), file("made/up/file", "f")],
      );
      const merged = await root.run("c1", chain);
      const stat = lstatSync(join(merged, "srv/data"), { bigint: true });
      assert.deepEqual(
        [stat.mode & 0o7777n, stat.uid, stat.gid, stat.mtimeNs],
        [0o700n, 33n, 44n, 1_600_000_000_000_000_007n],
      );
      assert.equal(getXattrs(join(merged, "srv/data")).get("user.kept")?.toString(), "yes");
      assert.equal(lstatSync(join(merged, "srv")).mode & 0o7777, 0o1777);
      assert.equal(lstatSync(join(merged, "made/up")).mode & 0o7777, 0o755);
      assert.deepEqual(readdirSync(join(merged, "srv/data")).sort(), ["new", "old"]);
    });

    test(name("the root has the attributes of the topmost layer that names it"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const named = dir("./", {
        mode: 0o710,
        uid: 5,
        gid: 6,
        mtimeNanoseconds: 9,
        xattrs: new Map([["user.root", Buffer.from("r")]]),
      });
      const chain = await root.stack([named, dir("etc")], [dir("etc"), file("etc/a", "a")]);
      await root.snapshots.view("v1", chain);
      for (const path of [await root.run("c1", chain), (await root.snapshots.mount("v1")).path]) {
        const stat = lstatSync(path, { bigint: true });
        assert.deepEqual(
          [stat.mode & 0o7777n, stat.uid, stat.gid, stat.mtimeNs],
          [0o710n, 5n, 6n, 1_600_000_000_000_000_009n],
        );
        assert.equal(getXattrs(path).get("user.root")?.toString(), "r");
      }
    });

    test(name("hard links into lower layers are one file with their target"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const xattrs = new Map([["user.k", Buffer.from("v")]]);
      const chain = await root.stack(
        [dir("./"), dir("bin", { mode: 0o751 }), file("bin/tool", "tool", { mode: 0o4755, uid: 7, xattrs })],
        [
          dir("./"),
          dir("opt"),
          { path: "opt/one", type: "hardlink", linkPath: "bin/tool" },
          { path: "opt/two", type: "hardlink", linkPath: "bin/tool" },
        ],
      );
      const merged = await root.run("c1", chain);
      const [tool, one, two] = ["bin/tool", "opt/one", "opt/two"].map((path) => lstatSync(join(merged, path)));
      assert.ok(tool !== undefined && one !== undefined && two !== undefined);
      assert.deepEqual([one.ino, two.ino, tool.nlink], [tool.ino, tool.ino, 3]);
      assert.deepEqual([one.mode & 0o7777, one.uid], [0o4755, 7]);
      assert.equal(readFileSync(join(merged, "opt/two"), "utf8"), "tool");
      assert.equal(getXattrs(join(merged, "opt/one")).get("user.k")?.toString(), "v");
      assert.equal(lstatSync(join(merged, "bin")).mode & 0o7777, 0o751);
    });

    test(name("ACLs and capabilities come through byte for byte"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const xattrs = new Map([
        [
          "system.posix_acl_access",
          Buffer.from(
            "0200000001000600ffffffff020007000100000004000400ffffffff10000700ffffffff20000400ffffffff",
            "hex",
          ),
        ],
        ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
      ]);
      const merged = await root.run("c1", await root.stack([dir("./"), file("f", "f", { mode: 0o674, xattrs })]));
      const seen = getXattrs(join(merged, "f"));
      for (const [key, value] of xattrs) assert.equal(seen.get(key)?.toString("hex"), value.toString("hex"), key);
      assert.equal(lstatSync(join(merged, "f")).mode & 0o7777, 0o674);
    });

    test(name("a hard link to nothing is refused by name"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const parent = await root.stack(BASE);
      const diffId = await root.layer([{ path: "link", type: "hardlink", linkPath: "no/such" }]);
      await assert.rejects(root.snapshots.commitLayer(diffId, parent), failsWith("INVALID_TAR"));
      assert.equal(root.snapshots.list().length, 1);
    });

    test(name("whiteouts in a directory of their own are no ghosts"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(
        [dir("./"), dir("cut"), file("cut/x", "x")],
        [
          dir("./"),
          dir("alone", { mode: 0o750 }),
          file("alone/.wh.gone", ""),
          file("alone/here", "h"),
          dir("cut"),
          file("cut/.wh..wh..opq", ""),
          file("cut/.wh.x", ""),
        ],
      );
      const merged = await root.run("c1", chain);
      assert.deepEqual(tree(merged), { alone: "/", "alone/here": "h", cut: "/" });
      assert.equal(lstatSync(join(merged, "alone")).mode & 0o7777, 0o750);
    });

    test(name("equal layers may come several times in a stack"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const empty = [dir("./")];
      const merged = await root.run("c1", await root.stack(BASE, empty, [file("n", "n")], empty, BASE));
      assert.equal(readFileSync(join(merged, "n"), "utf8"), "n");
      assert.equal(readFileSync(join(merged, "etc/a"), "utf8"), "base a");
    });

    test(name("150 layers run, 501 are refused by number"), async (t) => {
      const root = await TestRoot.open(t, driver);
      let parent: ChainId | undefined;
      let at150: ChainId | undefined;
      for (let index = 0; index <= 500; index += 1) {
        if (index === 150) at150 = parent;
        if (index > 150 && driver !== "erofs-file") continue;
        parent = await root.snapshots.commitLayer(await root.layer([dir("./"), file(`f${index}`, "")]), parent);
      }
      assert.equal(readdirSync(await root.run("c1", at150)).length, 150);
      if (driver === "erofs-file") {
        await assert.rejects(root.snapshots.prepare("c2", parent), failsWith("TOO_MANY_LAYERS"));
        assert.equal(await root.snapshots.stat("c2"), undefined);
      }
    });

    test(name("a view is read-only and shows the stack"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      await root.snapshots.view("v1", chain);
      const { path } = await root.snapshots.mount("v1");
      assert.equal(readFileSync(join(path, "etc/a"), "utf8"), "base a");
      assert.throws(() => writeFileSync(join(path, "new"), ""), { code: "EROFS" });
    });

    test(name("a top without layers starts empty"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const merged = await root.run("c1", undefined);
      assert.deepEqual(readdirSync(merged), []);
      writeFileSync(join(merged, "f"), "f");
      await root.snapshots.view("v1", undefined);
      const view = await root.snapshots.mount("v1");
      assert.throws(() => writeFileSync(join(view.path, "f"), ""), { code: "EROFS" });
    });

    test(name("every call may be repeated"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const diffId = await root.layer(BASE);
      const commit = (): Promise<ChainId> => root.snapshots.commitLayer(diffId, undefined);
      const [chain, again] = await Promise.all([commit(), commit()]);
      assert.equal(chain, again);
      assert.equal(chain, parseChainId(diffId));
      await Promise.all([root.snapshots.prepare("c1", chain), root.snapshots.prepare("c1", chain)]);
      const [one, two] = await Promise.all([root.snapshots.mount("c1"), root.snapshots.mount("c1")]);
      assert.deepEqual(one, two);
      assert.equal((await listMounts(one.path)).length, 1);
      await root.snapshots.unmount("c1");
      await root.snapshots.unmount("c1");
      for (const gone of ["c1", "c1", chain, chain]) await root.snapshots.remove(gone);
      assert.deepEqual(root.snapshots.list(), []);
    });

    test(name("a cancelled commit leaves nothing and can be made again"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const diffId = await root.layer(BASE);
      const commit = root.snapshots.commitLayer(diffId, undefined, { signal: AbortSignal.abort() });
      await assert.rejects(commit, isCancelled);
      assert.deepEqual(readdirSync(join(root.path, "overlay2")), ["l"]);
      const controller = new AbortController();
      const late = root.snapshots.commitLayer(diffId, undefined, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await late.catch((error: unknown) => assert.ok(isCancelled(error)));
      const chain = await root.snapshots.commitLayer(diffId, undefined);
      assert.equal(readFileSync(join(await root.run("c1", chain), "etc/a"), "utf8"), "base a");
    });

    test(name("a key is not taken twice with another meaning"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      await root.snapshots.prepare("c1", chain);
      await assert.rejects(root.snapshots.prepare("c1", undefined), failsWith("SNAPSHOT_EXISTS"));
      await assert.rejects(root.snapshots.view("c1", chain), failsWith("SNAPSHOT_EXISTS"));
    });

    test(name("what is unknown is not found"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const unknown = parseChainId(`sha256:${"0".repeat(64)}`);
      await assert.rejects(root.snapshots.prepare("c1", unknown), failsWith("SNAPSHOT_NOT_FOUND"));
      await assert.rejects(root.snapshots.mount("c1"), failsWith("SNAPSHOT_NOT_FOUND"));
      await assert.rejects(async () => root.snapshots.graphDriverData("c1"), failsWith("SNAPSHOT_NOT_FOUND"));
      await assert.rejects(
        async () => root.snapshots.commitLayer(unknown as unknown as DiffId, undefined),
        failsWith("LAYER_NOT_FOUND"),
      );
      assert.equal(await root.snapshots.stat("c1"), undefined);
      await root.snapshots.remove("c1");
      await root.snapshots.unmount("c1");
      assert.deepEqual(readdirSync(join(root.path, "overlay2")), ["l"]);
    });

    test(name("what is in use is not removed"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const base = await root.stack(BASE);
      const chain = await root.snapshots.commitLayer(await root.layer([file("n", "")]), base);
      await root.run("c1", chain);
      for (const used of [base, chain, "c1"])
        await assert.rejects(root.snapshots.remove(used), failsWith("SNAPSHOT_IN_USE"));
      await root.snapshots.unmount("c1");
      for (const free of ["c1", chain, base]) await root.snapshots.remove(free);
      assert.deepEqual(readdirSync(join(root.path, "overlay2")), ["l"]);
      assert.deepEqual(readdirSync(join(root.path, "overlay2", "l")), []);
      assert.deepEqual(await listMounts(root.path), []);
    });

    test(name("remove hides the snapshot before it returns"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const removal = root.snapshots.remove(chain);
      assert.deepEqual(root.snapshots.list(), []);
      await removal;
    });

    test(name("the textbook's directories are there"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const base = await root.stack(BASE);
      const chain = await root.snapshots.commitLayer(await root.layer([dir("./"), file("n", "n")]), base);
      await root.run("c1", chain);
      for (const key of [base, chain, "c1"]) {
        const link = readFileSync(root.at(key, "link"), "utf8");
        assert.match(link, /^[A-Z2-7]{26}$/);
        assert.equal(readlinkSync(join(root.path, "overlay2", "l", link)), `../${root.idOf(key)}/diff`);
        for (const part of ["diff", "merged", "work"]) assert.ok(lstatSync(root.at(key, part)).isDirectory());
      }
      const lower = readFileSync(root.at("c1", "lower"), "utf8").split(":");
      assert.deepEqual(
        lower.map((path) => basename(path)),
        [chain, base].map((key) => readFileSync(root.at(key, "link"), "utf8")),
      );
    });

    test(name("graphDriverData names directories that can be listed"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const base = await root.stack(BASE);
      const chain = await root.snapshots.commitLayer(await root.layer([dir("./"), file("n", "n")]), base);
      const image = await root.snapshots.graphDriverData(chain);
      assert.deepEqual(readdirSync(image.UpperDir), ["n"]);
      assert.deepEqual(readdirSync(image.MergedDir).sort(), ["etc", "n", "usr"]);
      assert.deepEqual(readdirSync(image.LowerDir ?? "").sort(), ["etc", "usr"]);
      assert.ok(lstatSync(image.WorkDir).isDirectory());
      const bottom = await root.snapshots.graphDriverData(base);
      assert.equal(bottom.LowerDir, undefined);
      assert.deepEqual(readdirSync(bottom.MergedDir).sort(), ["etc", "usr"]);
      await root.run("c1", chain);
      const top = await root.snapshots.graphDriverData("c1");
      assert.deepEqual(top.LowerDir?.split(":"), [root.at(chain, "diff"), root.at(base, "diff")]);
      assert.deepEqual(
        [top.UpperDir, top.WorkDir, top.MergedDir],
        ["diff", "work", "merged"].map((part) => root.at("c1", part)),
      );
      for (const used of ["c1", chain, base]) {
        await root.snapshots.unmount(used);
        await root.snapshots.remove(used);
      }
      assert.deepEqual(await listMounts(root.path), []);
    });

    test(name("usage counts a top's own files, and a layer's share"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const merged = await root.run("c1", chain);
      assert.deepEqual(await root.snapshots.usage("c1"), { bytes: 0, inodes: 0 });
      writeFileSync(join(merged, "etc", "new"), "12345");
      mkdirSync(Buffer.concat([Buffer.from(join(merged, "d")), Buffer.from([0xff])]));
      assert.deepEqual(await root.snapshots.usage("c1"), { bytes: 5, inodes: 3 });
      assert.equal((await root.snapshots.usage(chain)).bytes, 13);
    });

    test(name("a crash leaves mounts that the next start goes on with"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE, [file("etc/n", "n")]);
      const merged = await root.run("c1", chain);
      writeFileSync(join(merged, "mine"), "1");
      const before = (await listMounts(root.path)).length;
      await root.crash();
      assert.equal(readFileSync(join(merged, "mine"), "utf8"), "1");
      assert.equal((await root.snapshots.mount("c1")).path, merged);
      assert.equal((await listMounts(root.path)).length, before);
      await root.snapshots.unmount("c1");
      await root.snapshots.remove("c1");
      await root.snapshots.remove(chain);
    });

    test(name("a data root behind a symlink, with blanks in its name, is as good as any"), async (t) => {
      const parent = mkdtempSync(join(tmpdir(), "varve snapshots "));
      t.after(() => rmSync(parent, { recursive: true, force: true }));
      mkdirSync(join(parent, "real root"));
      symlinkSync("real root", join(parent, "link"));
      const root = await TestRoot.open(t, driver, join(parent, "link"));
      const chain = await root.stack(BASE, [file("etc/n", "n")]);
      const merged = await root.run("c1", chain);
      assert.equal(merged, root.at("c1", "merged").replace("/link/", "/real root/"));
      await root.crash();
      assert.equal((await root.snapshots.mount("c1")).path, merged);
      assert.equal((await listMounts(merged)).length, 1);
      await root.snapshots.unmount("c1");
      for (const gone of ["c1", chain]) await root.snapshots.remove(gone);
      assert.equal(root.snapshots.list().length, 1);
      await root.snapshots.close();
      assert.deepEqual(await listMounts(parent), []);
    });

    test(name("a crash's half-made directories and stray mounts are swept"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE, [file("etc/n", "n")]);
      const merged = await root.run("c1", chain);
      const [lost, half] = [root.idOf("c1"), join(root.path, "overlay2", "f".repeat(64))];
      root.metadata.snapshots.remove("c1");
      mkdirSync(join(half, "diff.unpacking"), { recursive: true });
      symlinkSync(`../${"f".repeat(64)}/diff`, join(root.path, "overlay2", "l", "A".repeat(26)));
      writeFileSync(join(root.path, "layers", "fixups", "e".repeat(64)), "");
      await root.crash();
      assert.equal(existsSync(merged), false);
      assert.equal(existsSync(join(root.path, "overlay2", lost)), false);
      assert.equal(existsSync(half), false);
      assert.equal(readdirSync(join(root.path, "overlay2", "l")).length, 2);
      assert.equal(existsSync(join(root.path, "layers", "fixups", "e".repeat(64))), false);
      assert.equal(readFileSync(join(await root.run("c2", chain), "etc/n"), "utf8"), "n");
    });

    test(name("a committed layer whose directory was lost is made again"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      await root.snapshots.close();
      rmSync(join(root.path, "overlay2", root.idOf(chain)), { recursive: true });
      await root.crash();
      assert.equal(readFileSync(join(await root.run("c1", chain), "etc/a"), "utf8"), "base a");
    });

    test(name("what a hand unmounted is mounted again"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const merged = await root.run("c1", chain);
      for (const { target } of (await listMounts(root.path)).toReversed()) await unmount(target);
      await root.snapshots.mount("c1");
      assert.equal(readFileSync(join(merged, "etc/a"), "utf8"), "base a");
    });

    test(name("a directory that another engine filled is not touched"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const foreign = mkdtempSync(join(tmpdir(), "varve-foreign-"));
      t.after(() => rmSync(foreign, { recursive: true, force: true }));
      mkdirSync(join(foreign, "overlay2", "a".repeat(64)), { recursive: true });
      using metadata = openMetadata(join(foreign, "varve.db"));
      const open = openSnapshotter({
        dataRoot: foreign,
        records: metadata.snapshots,
        settings: metadata.settings,
        layers: root.layers,
        driver,
      });
      await assert.rejects(open, failsWith("SNAPSHOT_EXISTS"));
      assert.ok(existsSync(join(foreign, "overlay2", "a".repeat(64))));
    });

    test(name("close leaves the mounts of tops in use alone, and no other"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE, [file("etc/n", "n")]);
      const merged = await root.run("c1", chain);
      await root.run("c2", chain);
      await root.snapshots.view("v1", chain);
      await root.snapshots.mount("v1");
      await root.snapshots.graphDriverData(chain);
      await root.snapshots.unmount("c2");
      await root.snapshots.close();
      assert.deepEqual(
        (await listMounts(root.path)).map(({ target }) => target),
        [merged],
      );
      assert.equal(readFileSync(join(merged, "etc/n"), "utf8"), "n");
      await root.crash();
      await root.snapshots.unmount("c1");
      await root.snapshots.close();
      assert.deepEqual(await listMounts(root.path), []);
    });

    test(
      name("an init layer lies between stack and top, with the stack's directories, and is no change"),
      async (t) => {
        const root = await TestRoot.open(t, driver);
        const chain = await root.stack([...BASE, file("etc/hosts", "image's"), file("opt/dir/x", "x")]);
        await root.snapshots.prepare("c1", chain, [
          { path: "/etc/hosts", kind: "file" },
          { path: "/opt/dir", kind: "file" },
          { path: "/dev/pts", kind: "directory" },
          { path: "/etc/mtab", kind: "symlink", target: "/proc/mounts" },
        ]);
        const { path } = await root.snapshots.mount("c1");
        assert.equal(readFileSync(join(path, "etc/hosts"), "utf8"), "");
        assert.equal(readFileSync(join(path, "opt/dir/x"), "utf8"), "x");
        assert.equal(readlinkSync(join(path, "etc/mtab")), "/proc/mounts");
        assert.equal(lstatSync(join(path, "dev/pts")).isDirectory(), true);
        assert.deepEqual(readdirSync(join(root.path, "overlay2", root.idOf("c1"), "diff")), []);
        await root.crash();
        await root.snapshots.unmount("c1");
        assert.equal(readFileSync(join((await root.snapshots.mount("c1")).path, "etc/hosts"), "utf8"), "");
        await root.snapshots.unmount("c1");
        const { LowerDir } = await root.snapshots.graphDriverData("c1");
        assert.equal(LowerDir?.split(":")[0], join(root.path, "overlay2", `${root.idOf("c1")}-init/diff`));
        await root.snapshots.remove("c1");
        await root.snapshots.remove(chain);
        assert.deepEqual(
          readdirSync(join(root.path, "overlay2")).filter((entry) => entry.endsWith("-init")),
          [],
        );
      },
    );

    test(name("tops on one chain share an init layer, which goes with the chain"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack([...BASE, file("etc/n", "n")]);
      const overlay = join(root.path, "overlay2");
      const inits = (): readonly string[] => readdirSync(overlay).filter((entry) => entry.endsWith("-init"));
      const init = [{ path: "/etc/hosts", kind: "file" }] as const;
      await Promise.all(["c1", "c2"].map((key) => root.snapshots.prepare(key, chain, init)));
      await root.snapshots.prepare("bare", chain);
      await root.snapshots.prepare("other", chain, [{ path: "/etc/other", kind: "file" }]);
      const path = async (key: string): Promise<string> => (await root.snapshots.mount(key)).path;
      writeFileSync(join(await path("c1"), "etc/hosts"), "c1's");
      assert.equal(readFileSync(join(await path("c2"), "etc/hosts"), "utf8"), "");
      assert.equal(existsSync(join(await path("bare"), "etc/hosts")), false);
      assert.equal(existsSync(join(await path("other"), "etc/hosts")), false);
      assert.equal(existsSync(join(await path("other"), "etc/other")), true);
      const targets = ["c1", "c2", "other"].map((key) => readlinkSync(join(overlay, `${root.idOf(key)}-init`)));
      assert.equal(targets[0], targets[1]);
      assert.notEqual(targets[0], targets[2]);
      assert.equal(inits().length, 5);
      await root.snapshots.unmount("c1");
      await root.snapshots.remove("c1");
      assert.equal(readFileSync(join(await path("c2"), "etc/hosts"), "utf8"), "", "its own is left");
      for (const key of ["c2", "bare", "other"]) {
        await root.snapshots.unmount(key);
        await root.snapshots.remove(key);
      }
      await root.snapshots.prepare("again", chain, init);
      assert.equal(readlinkSync(join(overlay, `${root.idOf("again")}-init`)), targets[0]);
      await root.snapshots.remove("again");
      assert.equal(inits().length, 2);
      await root.snapshots.remove(chain);
      assert.deepEqual(inits(), []);
      assert.deepEqual(readdirSync(join(overlay, "l")), []);
    });

    test(name("an init layer that a crash left half made is swept, and made anew"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const init = [{ path: "/etc/hosts", kind: "file" }] as const;
      await root.snapshots.prepare("c1", chain, init);
      const overlay = join(root.path, "overlay2");
      const shared = join(overlay, readlinkSync(join(overlay, `${root.idOf("c1")}-init`)));
      await root.snapshots.remove("c1");
      rmSync(join(shared, "link"));
      rmSync(join(shared, "diff/etc/hosts"));
      symlinkSync("gone-init", join(overlay, "dead-init"));
      await root.crash();
      assert.deepEqual(
        readdirSync(overlay).filter((entry) => entry.endsWith("-init")),
        [],
      );
      await root.snapshots.prepare("c1", chain, init);
      const { path } = await root.snapshots.mount("c1");
      assert.equal(readFileSync(join(path, "etc/hosts"), "utf8"), "");
      await root.snapshots.unmount("c1");
    });

    test(name("a borrowed top stays mounted until it is given back, and can be removed all the same"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const path = await root.run("c1", chain);
      const mounted = async (): Promise<boolean> => (await listMounts(root.path)).some(({ target }) => target === path);
      const borrowed = await root.snapshots.borrow("c1");
      assert.equal(borrowed.path, path);
      await root.snapshots.unmount("c1");
      assert.equal(await mounted(), true);
      await root.snapshots.mount("c1");
      await borrowed[Symbol.asyncDispose]();
      assert.equal(await mounted(), true, "its owner has it again");
      await root.snapshots.unmount("c1");
      assert.equal(await mounted(), false);
      const [one, two] = [await root.snapshots.borrow("c1"), await root.snapshots.borrow("c1")];
      await one[Symbol.asyncDispose]();
      assert.equal(await mounted(), true);
      await root.snapshots.remove("c1");
      assert.equal(await mounted(), false);
      await two[Symbol.asyncDispose]();
    });

    test(name("many at once do not get in each other's way"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const { snapshots } = root;
      const base = await root.layer(BASE);
      const uppers = await Promise.all(
        [0, 1, 2].map((index) => root.layer([file("n", String(index)), file("usr/.wh.x", "")])),
      );
      const life = async (index: number): Promise<void> => {
        const upper = uppers[index % 3] ?? base;
        const chain = await snapshots.commitLayer(upper, await snapshots.commitLayer(base, undefined));
        const key = `c${index}`;
        await snapshots.prepare(key, chain);
        const { path } = await snapshots.mount(key);
        await snapshots.graphDriverData(chain);
        assert.equal(readFileSync(join(path, "n"), "utf8"), String(index % 3));
        writeFileSync(join(path, "own"), key);
        await snapshots.unmount(key);
        await snapshots.remove(key);
      };
      await Promise.all(Array.from({ length: 24 }, (_, index) => life(index)));
      assert.deepEqual(
        snapshots.list().map(({ kind }) => kind),
        Array(4).fill("committed"),
      );
      const [bottom, ...tops] = snapshots.list().toSorted((a, b) => (a.parent ?? "").length - (b.parent ?? "").length);
      await Promise.all(tops.map((top) => snapshots.remove(top.name)));
      await snapshots.remove(bottom?.name ?? "");
      assert.deepEqual(readdirSync(join(root.path, "overlay2")), ["l"]);
      assert.deepEqual(await listMounts(root.path), []);
    });

    test(name("a layer that is removed while a top is made over it is not missed silently"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE);
      const [made, removed] = await Promise.allSettled([
        root.snapshots.prepare("c1", chain),
        root.snapshots.remove(chain),
      ]);
      assert.equal(removed.status, "fulfilled");
      assert.ok(made.status === "rejected" && hasCode(made.reason, "SNAPSHOT_NOT_FOUND"));
      assert.deepEqual(readdirSync(join(root.path, "overlay2")), ["l"]);
    });

    test(name("another driver takes over a data root"), async (t) => {
      const root = await TestRoot.open(t, driver);
      const chain = await root.stack(BASE, [file("etc/n", "n")]);
      await root.run("c1", chain);
      await root.snapshots.unmount("c1");
      await root.crash(driver === "overlay2" ? "erofs-loop" : "overlay2");
      assert.equal(readFileSync(join((await root.snapshots.mount("c1")).path, "etc/n"), "utf8"), "n");
    });
  });
}

/** Why the contract cannot run here; false if it can. */
export function missing(driver: StorageDriver): string | false {
  if (process.getuid?.() !== 0) return "needs root to mount";
  if (driver === "overlay2") return false;
  const filesystems = readFileSync("/proc/filesystems", "utf8");
  if (/\terofs\n/.test(filesystems)) return false;
  try {
    execFileSync("modprobe", ["erofs"], { stdio: "ignore" });
    return false;
  } catch {
    return "needs a kernel with EROFS";
  }
}
