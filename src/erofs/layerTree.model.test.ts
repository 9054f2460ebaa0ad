/** The tree against a model that knows no format: a map of paths, changed entry by entry as the rules of a layer say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LayerTree, layoutErofs } from "#erofs";
import type { ErofsImage, LayerIndex } from "#erofs";
import type { TarEntry } from "#tar";
import { UUID, bytesOf, directory, entry, file, hardlink, openBytes, symlink } from "./erofs.testkit.test.ts";

interface ModelNode {
  readonly kind: "directory" | "file" | "symlink" | "fifo" | "whiteout" | "lower";
  /** What tells two inodes apart: the number of the entry that made it. */
  readonly id: number;
  /** The owner tells which entry gave a directory its attributes. */
  readonly uid: number;
  readonly implied: boolean;
  readonly opaque: boolean;
  readonly target: string;
}

const PLAIN = { uid: 0, implied: false, opaque: false, target: "" };
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

class Model {
  readonly nodes = new Map<string, ModelNode>([["", { ...PLAIN, kind: "directory", id: -1, implied: true }]]);
  readonly #whiteouts: string[] = [];
  readonly #opaque: string[] = [];
  #made = 1_000_000;

  add(item: TarEntry, id: number): void {
    const name = item.path.slice(item.path.lastIndexOf("/") + 1);
    const parent = parentOf(item.path);
    this.#makeDirectory(parent);
    if (name === ".wh..wh..opq") this.#opaque.push(parent);
    else if (name.startsWith(".wh."))
      this.#whiteouts.push(parent === "" ? name.slice(4) : `${parent}/${name.slice(4)}`);
    else this.#addOrdinary(item, id);
  }

  finish(): void {
    for (const path of this.#opaque)
      if (this.nodes.get(path)?.kind === "directory") this.#change(path, { opaque: true });
    for (const path of this.#whiteouts) {
      const node = this.nodes.get(path);
      if (node?.kind === "directory") this.#change(path, { opaque: true });
      else if (node === undefined && this.nodes.get(parentOf(path))?.kind === "directory") {
        this.nodes.set(path, { ...PLAIN, kind: "whiteout", id: this.#made++ });
      }
    }
  }

  #addOrdinary(item: TarEntry, id: number): void {
    const { path, uid } = item;
    if (item.type === "directory") {
      if (this.nodes.get(path)?.kind !== "directory") this.#replace(path, { ...PLAIN, kind: "directory", id });
      this.#change(path, { uid, implied: false });
    } else if (item.type === "hardlink") {
      if (item.linkPath === path) return;
      const target = this.nodes.get(item.linkPath);
      this.#replace(path, target ?? { ...PLAIN, kind: "lower", id, target: item.linkPath });
    } else {
      const kind = item.type === "symlink" || item.type === "fifo" ? item.type : "file";
      this.#replace(path, { ...PLAIN, kind, id, uid });
    }
  }

  #makeDirectory(path: string): void {
    if (this.nodes.get(path)?.kind === "directory") return;
    this.#makeDirectory(parentOf(path));
    this.#replace(path, { ...PLAIN, kind: "directory", id: this.#made++, implied: true });
  }

  #replace(path: string, node: ModelNode): void {
    for (const below of this.nodes.keys()) if (below.startsWith(`${path}/`)) this.nodes.delete(below);
    this.nodes.set(path, node);
  }

  #change(path: string, fields: Partial<ModelNode>): void {
    const node = this.nodes.get(path);
    assert.ok(node);
    this.nodes.set(path, { ...node, ...fields });
  }

  paths(keep: (node: ModelNode, path: string) => boolean): string[] {
    return [...this.nodes]
      .filter(([path, node]) => keep(node, path))
      .map(([path]) => path)
      .sort();
  }
}

const path = fc
  .array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));
const marked = fc.tuple(path, fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq")).map((parts) => parts.join("/"));
const steps: fc.Arbitrary<TarEntry> = fc.oneof(
  fc.tuple(path, fc.nat(9), fc.nat(99)).map(([at, size, uid]) => file(at, size, { uid })),
  fc.tuple(path, fc.nat(99)).map(([at, uid]) => directory(at, { uid })),
  fc.tuple(path, path).map(([at, target]) => symlink(at, target)),
  path.map((at) => entry(at, "fifo")),
  marked.map((at) => file(at, 0)),
  fc.constantFrom(".wh.a", ".wh.c", ".wh..wh..opq").map((at) => file(at, 0)),
  fc.tuple(path, path).map(([at, target]) => hardlink(at, target)),
);

/** Leaves out what refuses a layer: hard links to what is a directory when they come. */
function play(items: readonly TarEntry[]): {
  readonly model: Model;
  readonly index: LayerIndex;
  readonly image: ErofsImage;
} {
  const model = new Model();
  const tree = new LayerTree();
  items.forEach((item, id) => {
    if (item.type === "hardlink") {
      // The parents of the link are made before its target is looked for.
      if (model.nodes.get(item.linkPath)?.kind === "directory" || item.path.startsWith(`${item.linkPath}/`)) return;
    }
    model.add(item, id);
    tree.add(item);
  });
  model.finish();
  const index = tree.finish();
  const image = openBytes(bytesOf(layoutErofs(index, { tarBytes: 4096, uuid: UUID })));
  return { model, index, image };
}

const KIND_OF_TYPE: Readonly<Record<string, string>> = { char: "whiteout" };

function assertSameTree(model: Model, image: ErofsImage): void {
  const nidOfInode = new Map<number, number>();
  const names = new Map<number, number>();
  const walked = [...image.walk()];
  assert.deepEqual(
    walked.map(({ path }) => path).sort(),
    model.paths(({ kind }) => kind !== "lower"),
  );
  for (const { path, stat } of walked) {
    const node = model.nodes.get(path);
    assert.ok(node);
    assert.equal(KIND_OF_TYPE[stat.type] ?? stat.type, node.kind, path);
    assert.equal(stat.uid, node.uid, path);
    assert.equal(image.isOpaque(stat.nid), node.opaque, path);
    assert.equal(nidOfInode.get(node.id) ?? stat.nid, stat.nid, `${path}: same inode, same nid`);
    nidOfInode.set(node.id, stat.nid);
    names.set(stat.nid, (names.get(stat.nid) ?? 0) + 1);
  }
  assert.equal(new Set(nidOfInode.values()).size, nidOfInode.size, "other inode, other nid");
  for (const { stat } of walked) if (stat.type !== "directory") assert.equal(stat.nlink, names.get(stat.nid));
  assert.equal(image.head.inodes, names.size);
}

test("layer tree: agrees with a model of the rules for any order of entries", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (items) => {
      const { model, index, image } = play(items);
      assertSameTree(model, image);
      assert.deepEqual(
        [...index.impliedDirectories].sort(),
        model.paths(({ implied }) => implied),
      );
      assert.deepEqual(
        index.lowerHardlinks.map((link) => `${link.path} ${link.target}`).sort(),
        model.paths(({ kind }) => kind === "lower").map((at) => `${at} ${model.nodes.get(at)?.target}`),
      );
      const withWhiteout = new Set(model.paths(({ kind }) => kind === "whiteout").map(parentOf));
      assert.deepEqual([...index.whiteoutDirectories].sort(), [...withWhiteout].sort());
      assert.equal(index.inodes, image.head.inodes);
    }),
    { numRuns: 1500, seed: 20_261_121 },
  );
});

test("layer tree: parents come before children in the list of implied directories", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30 }), (items) => {
      const { impliedDirectories } = play(items).index;
      impliedDirectories.forEach((at, position) => {
        for (const other of impliedDirectories.slice(0, position))
          assert.ok(!other.startsWith(`${at}/`) && at !== other);
      });
    }),
    { numRuns: 200, seed: 20_261_121 },
  );
});
