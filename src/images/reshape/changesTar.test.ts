import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as fc from "fast-check";
import { openLayerStore } from "#layers";
import type { LayerStore } from "#layers";
import { openMetadata } from "#metadata";
import type { DiffId } from "#oci";
import { changesTar } from "./changesTar.ts";
import { addLayer, factsOf, tarOf } from "./reshape.testkit.test.ts";
import type { Member } from "./reshape.testkit.test.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-reshape-"));
const metadata = openMetadata(join(directory, "varve.db"));
const store: LayerStore = await openLayerStore({
  root: join(directory, "layers"),
  records: metadata.layers,
  workers: 2,
});
after(async () => {
  await store.close();
  metadata[Symbol.dispose]();
  await rm(directory, { recursive: true });
});

async function ingest(layers: readonly (readonly Member[])[]): Promise<readonly DiffId[]> {
  const diffIds: DiffId[] = [];
  for (const members of layers) diffIds.push(await addLayer(store, tarOf(members)));
  return diffIds;
}

async function facts(diffIds: readonly DiffId[]): Promise<readonly string[]> {
  await using view = await store.openView(diffIds);
  return await factsOf(view);
}

/** The layers from an index on as one. */
async function merge(diffIds: readonly DiffId[], from: number): Promise<DiffId> {
  await using view = await store.openView(diffIds);
  return await addLayer(store, changesTar(view, from));
}

async function names(diffId: DiffId): Promise<readonly string[]> {
  await using reader = await store.openReader(diffId);
  return [...reader.image.walk()].map(({ path, stat }) =>
    reader.image.isWhiteout(stat.nid)
      ? `${path} whiteout`
      : `${path}${reader.image.isOpaque(stat.nid) ? " opaque" : ""}`,
  );
}

const file = (path: string, data = path, rest: Partial<Member> = {}): Member => ({ path, type: "file", data, ...rest });

test("changes: whiteouts that the lower layers need stay, those that hide nothing go", async () => {
  const diffIds = await ingest([
    [file("a"), file("d/x"), file("d/y")],
    [file("temporary"), { path: ".wh.a", type: "file" }, { path: "d/.wh.x", type: "file" }],
    [{ path: ".wh.temporary", type: "file" }, { path: "e/.wh.nothing", type: "file" }, file("b")],
  ]);
  const merged = await merge(diffIds, 1);
  assert.deepEqual(await names(merged), ["", "a whiteout", "b", "d", "d/x whiteout", "e"]);
  assert.deepEqual(await facts([diffIds[0] ?? merged, merged]), await facts(diffIds));
  const flat = await merge(diffIds, 0);
  assert.deepEqual(await names(flat), ["", "b", "d", "d/y", "e"]);
  assert.deepEqual(await facts([flat]), await facts(diffIds));
});

test("changes: a directory that was removed and made again hides what is below", async () => {
  const diffIds = await ingest([
    [file("d/old"), file("f/old")],
    [{ path: ".wh.d", type: "file" }, file("f")],
    [{ path: "d/", type: "directory", mode: 0o700 }, file("d/new"), { path: "f/", type: "directory", mode: 0o711 }],
  ]);
  const merged = await merge(diffIds, 1);
  assert.deepEqual(await names(merged), ["", "d opaque", "d/new", "f opaque"]);
  assert.deepEqual(await facts([diffIds[0] ?? merged, merged]), await facts(diffIds));
});

test("changes: hard links into lower layers stay links to the file of that time", async () => {
  const diffIds = await ingest([
    [file("z", "old"), file("a", "old too")],
    [
      { path: "link", type: "hardlink", linkPath: "z" },
      { path: "alias", type: "hardlink", linkPath: "a" },
    ],
    [file("z", "new"), file("a", "newer")],
  ]);
  const merged = await merge(diffIds, 1);
  const text = async (ids: readonly DiffId[]): Promise<readonly string[]> =>
    (await facts(ids)).map((line) => line.replace(/one with.*/, ""));
  assert.deepEqual(await text([diffIds[0] ?? merged, merged]), await text(diffIds));
});

test("changes: attributes of directories that nobody names come from below", async () => {
  const diffIds = await ingest([
    [{ path: "d/", type: "directory", mode: 0o1777, uid: 5, mtimeSeconds: 77, mtimeNanoseconds: 5 }],
    [file("d/x")],
    [file("d/y"), { path: "./", type: "directory", mode: 0o711, mtimeSeconds: 9 }],
  ]);
  for (const from of [0, 1, 2]) {
    const merged = await merge(diffIds, from);
    assert.deepEqual(await facts([...diffIds.slice(0, from), merged]), await facts(diffIds), `from ${from}`);
  }
});

const PATH = fc
  .array(fc.constantFrom("a", "b", "c", "a.b", "\xff"), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));
const ATTRIBUTES = {
  mode: fc.constantFrom(0o644, 0o755, 0o4711, 0o1777),
  uid: fc.constantFrom(0, 7, 70_000),
  mtimeSeconds: fc.constantFrom(0, 5, 1_700_000_000),
  mtimeNanoseconds: fc.constantFrom(0, 500),
};
const XATTRS = fc.constantFrom(
  new Map([["user.note", Buffer.from("x")]]),
  new Map([["security.capability", Buffer.alloc(20, 1)]]),
);
const MEMBER: fc.Arbitrary<Member> = fc.oneof(
  fc.record({ path: PATH, type: fc.constant("file" as const), data: fc.constantFrom("", "x", "yy"), ...ATTRIBUTES }),
  fc.record({ path: PATH, type: fc.constant("file" as const), data: fc.constant("z"), xattrs: XATTRS, ...ATTRIBUTES }),
  fc.record({ path: PATH, type: fc.constant("directory" as const), ...ATTRIBUTES }),
  fc.record({ path: PATH, type: fc.constant("symlink" as const), linkPath: PATH, ...ATTRIBUTES }),
  fc.record({ path: PATH, type: fc.constant("fifo" as const), ...ATTRIBUTES }),
  fc.record({ path: PATH, type: fc.constant("char" as const), deviceMajor: fc.constant(1), deviceMinor: fc.nat(3) }),
  fc.record({ path: PATH, type: fc.constant("hardlink" as const), linkPath: PATH }),
  PATH.map((path) => ({ path: path.replace(/([^/]+)$/, ".wh.$1"), type: "file" as const })),
  PATH.map((path) => ({ path: `${path}/.wh..wh..opq`, type: "file" as const })),
);

/** Hard links to what is no file below refuse a stack; such cases are none. */
async function factsOrNone(diffIds: readonly DiffId[]): Promise<readonly string[] | undefined> {
  try {
    return await facts(diffIds);
  } catch {
    return undefined;
  }
}

test("changes: any stack is the same with its upper layers as one, wherever the border is", async () => {
  const stacks = fc.array(fc.array(MEMBER, { maxLength: 7 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(stacks, fc.nat(3), async (layers, border) => {
      const from = border % layers.length;
      let diffIds: readonly DiffId[];
      try {
        diffIds = await ingest(layers);
      } catch (error) {
        // A hard link to a directory refuses a layer.
        fc.pre(!String(error).includes("hard link"));
        throw error;
      }
      const expected = await factsOrNone(diffIds);
      fc.pre(expected !== undefined);
      const merged = await merge(diffIds, from);
      // Which names of a file of the lower layers are one is kept by path; its first name may be another.
      assert.deepEqual(await facts([...diffIds.slice(0, from), merged]), expected);
    }),
    { numRuns: 120 },
  );
});
