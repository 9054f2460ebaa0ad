import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import type { DiffId } from "#oci";
import { readTarStream, writeTarStream } from "#tar";
import type { TarHeader } from "#tar";
import { planFixup } from "./fixup.ts";
import { FixupStore } from "./fixupStore.ts";
import { fixupTar } from "./fixupTar.ts";

type Member = Omit<TarHeader, "size"> & { readonly data?: string };

interface Stack {
  readonly store: LayerStore;
  readonly directory: string;
  add(...members: readonly Member[]): Promise<DiffId>;
}

async function open(t: TestContext): Promise<Stack> {
  const directory = mkdtempSync(join(tmpdir(), "varve-fixup-"));
  const metadata = openMetadata(join(directory, "varve.db"));
  const store = await openLayerStore({ root: join(directory, "layers"), records: metadata.layers, workers: 3 });
  t.after(async () => {
    await store.close();
    metadata[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  const add = async (...members: readonly Member[]): Promise<DiffId> => {
    await using writer = await store.ingestTar();
    const sources = members.map(({ data = "", ...header }) => ({
      header: { mode: 0o644, mtimeSeconds: 1000, ...header, size: data.length },
      body: data === "" ? [] : [Buffer.from(data)],
    }));
    for await (const chunk of writeTarStream(sources)) await writer.write(chunk);
    return (await writer.commit()).layer.diffId;
  };
  return { store, directory, add };
}

/** The fixup of the topmost layer as a list of its members, undefined if it needs none. */
async function fixupOf({ store }: Stack, ...diffIds: readonly DiffId[]): Promise<string[] | undefined> {
  const below = diffIds.slice(0, -1);
  const diffId = diffIds.at(-1) ?? assert.fail("no layers");
  await using view = await store.openView(diffIds);
  const plan = await planFixup(store, { id: "id", diffId, below }, view);
  if (plan === undefined) return undefined;
  const members: string[] = [];
  for await (const { entry, body } of readTarStream(fixupTar(plan, view))) {
    const data = Buffer.concat(await Array.fromAsync(body)).toString();
    members.push(
      [entry.path, entry.type, entry.mode.toString(8), entry.uid, entry.mtimeSeconds, entry.linkPath || data]
        .join(" ")
        .trim(),
    );
  }
  return members;
}

const dir = (path: string, rest: Partial<Member> = {}): Member => ({ path, type: "directory", mode: 0o755, ...rest });
const file = (path: string, data = ""): Member => ({ path, type: "file", data });
const link = (path: string, linkPath: string): Member => ({ path, type: "hardlink", linkPath });

test("fixup: a layer that names its directories needs none", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), dir("etc", { mode: 0o700 }), file("etc/a", "a"));
  assert.equal(await fixupOf(stack, base), undefined);
  assert.equal(await fixupOf(stack, base, await stack.add(dir("etc"), file("etc/b"), file("etc/.wh.a"))), undefined);
});

test("fixup: a root that no tar names is no reason for one", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./", { mode: 0o700 }), file("a"));
  assert.equal(await fixupOf(stack, base, await stack.add(file("b"))), undefined);
});

test("fixup: implied directories are named with the attributes from below, and so are those above them", async (t) => {
  const stack = await open(t);
  const base = await stack.add(
    dir("./", { uid: 1 }),
    dir("a", { mode: 0o711, uid: 2 }),
    dir("a/b", { mode: 0o700, uid: 3 }),
  );
  const upper = await stack.add(dir("a", { mode: 0o750, uid: 4 }), file("a/b/new"), file("own/x"));
  assert.deepEqual(await fixupOf(stack, base, upper), [
    "./ directory 755 1 1000",
    "a/ directory 750 4 1000",
    "a/b/ directory 700 3 1000",
  ]);
});

test("fixup: implied directories that nothing below has need none", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), file("a", "a file"), dir("d"));
  assert.equal(await fixupOf(stack, base, await stack.add(file("a/now/directory"), file("new/x"))), undefined);
});

test("fixup: a hard link into a lower layer brings file and target as one inode", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), dir("bin"), file("bin/tool", "tool"));
  const upper = await stack.add(dir("./"), dir("opt"), link("opt/one", "bin/tool"), link("opt/two", "bin/tool"));
  assert.deepEqual(await fixupOf(stack, base, upper), [
    "./ directory 755 0 1000",
    "bin/ directory 755 0 1000",
    "opt/ directory 755 0 1000",
    "bin/tool file 644 0 1000 tool",
    "opt/one hardlink 0 0 0 bin/tool",
    "opt/two hardlink 0 0 0 bin/tool",
  ]);
});

test("fixup: a target that the layer hides is not brought back", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), file("old", "content"));
  const upper = await stack.add(dir("./"), link("new", "old"), file(".wh.old"));
  assert.deepEqual(await fixupOf(stack, base, upper), ["./ directory 755 0 1000", "new file 644 0 1000 content"]);
});

test("fixup: whiteouts where no lower layer has the directory, or the layer is opaque, are ghosts", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), dir("both"), file("both/x"), dir("cut"), file("cut/x"), file("was-file"));
  const upper = await stack.add(
    dir("./"),
    dir("both"),
    file("both/.wh.x"),
    dir("alone"),
    file("alone/.wh.x"),
    dir("cut"),
    file("cut/.wh..wh..opq"),
    file("cut/.wh.x"),
    dir("was-file"),
    file("was-file/.wh.x"),
  );
  const members = await fixupOf(stack, base, upper);
  assert.deepEqual(
    members?.map((line) => line.split(" ")[0]),
    ["./", "alone/", "cut/", "was-file/"],
  );
});

test("fixup: a directory behind a lower symlink is not taken for the lower one", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), dir("real"), dir("real/d", { mode: 0o700 }), {
    path: "l",
    type: "symlink",
    linkPath: "real",
  });
  assert.equal(await fixupOf(stack, base, await stack.add(file("l/d/file"))), undefined);
});

test("FixupStore: the same stack gives the same file, which can be found and removed", async (t) => {
  const stack = await open(t);
  const base = await stack.add(dir("./"), dir("a", { mode: 0o711 }));
  const upper = await stack.add(file("a/b"));
  const fixups = new FixupStore(join(stack.directory, "layers", "fixups"), stack.store);
  assert.equal(await fixups.write({ id: "none", diffId: base, below: [] }), undefined);
  const hashes = new Set<string>();
  for (const id of ["one", "two"]) {
    const written = await fixups.write({ id, diffId: upper, below: [base] });
    assert.equal(written?.path, fixups.find(id));
    hashes.add(
      createHash("sha256")
        .update(readFileSync(written?.path ?? ""))
        .digest("hex"),
    );
  }
  assert.equal(hashes.size, 1);
  assert.deepEqual([...fixups.ids()].sort(), ["one", "two"]);
  await fixups.remove("one");
  await fixups.remove("one");
  assert.equal(fixups.find("one"), undefined);
});
