import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildImageTree, Change, MODIFYING, NodeState } from "#analysis";
import type { ImageTree, LayerEntry, TreeView } from "#analysis";
import { changesBetween } from "./changes.ts";
import { anyLayers, directory, file, hardLink, layer, symlink, whiteout } from "./analysis.testkit.test.ts";

const WORDS = ["absent", "unmodified", "modified", "added", "removed"] as const;

function stateAt(tree: ImageTree, view: TreeView, path: string): string {
  const node = tree.find(path);
  return node === undefined ? "unknown" : (WORDS[view.stateOf(node)] ?? "?");
}

function sizeAt(tree: ImageTree, view: TreeView, path: string): number {
  return view.sizes[tree.find(path) ?? -1] ?? -1;
}

test("tree: preorder, children in byte order, every path found again", () => {
  const tree = buildImageTree([layer(file("a/b"), file("a-b"), file("a/a")), layer(file("A"), file("a/aa/x"))]);
  const paths = Array.from({ length: tree.nodeCount }, (_, node) => tree.pathOf(node));
  assert.deepEqual(paths, ["", "A", "a", "a/a", "a/aa", "a/aa/x", "a/b", "a-b"]);
  for (const [node, path] of paths.entries()) assert.equal(tree.find(path), node);
  assert.equal(tree.find("a/zz"), undefined);
  assert.equal(tree.find("nope/x"), undefined);
  assert.equal(tree.endOf(2), 7);
  assert.equal(tree.endOf(0), 8);
  assert.deepEqual([...tree.childrenOf(2)], [3, 4, 6]);
  assert.equal(tree.depthOf(5), 3);
});

test("tree: no layers and empty layers are a root alone", () => {
  for (const layers of [[], [[]], [[], []]]) {
    const tree = buildImageTree(layers);
    assert.equal(tree.nodeCount, 1);
    assert.equal(tree.view(0, layers.length - 1).stateOf(0), NodeState.unmodified);
  }
});

test("view: one layer on those below, as dive marks it", () => {
  const tree = buildImageTree([
    layer(directory("etc"), file("etc/same", 3), file("etc/grown", 3), file("gone", 5), directory("d"), file("d/x", 7)),
    layer(
      directory("etc"),
      file("etc/grown", 4),
      file("etc/new", 2),
      whiteout("gone"),
      whiteout("d"),
      directory("other"),
      file("other/y", 1),
    ),
  ]);
  const view = tree.view(1, 1);
  const expected: Readonly<Record<string, string>> = {
    etc: "modified",
    "etc/same": "unmodified",
    "etc/grown": "modified",
    "etc/new": "added",
    gone: "removed",
    d: "removed",
    "d/x": "removed",
    other: "added",
    "other/y": "added",
  };
  for (const [path, state] of Object.entries(expected)) assert.equal(stateAt(tree, view, path), state, path);
  assert.equal(sizeAt(tree, view, "etc"), 9);
  assert.equal(sizeAt(tree, view, "d"), 7, "a removed directory shows what was in it");
  assert.equal(sizeAt(tree, view, ""), 10, "what is removed is no part of the rest");
  assert.equal(view.entryOf(tree.find("etc/grown") ?? 0)?.size, 4);
  assert.equal(view.layerOf(tree.find("etc/same") ?? 0), 0);
  assert.equal(view.layerOf(tree.find("etc/new") ?? 0), 1);
  assert.equal(view.isPresent(tree.find("d/x") ?? 0), false);
});

test("view: the base alone is unmodified, or all of it added", () => {
  const tree = buildImageTree([layer(file("a/b", 3)), layer(file("c"))]);
  assert.equal(stateAt(tree, tree.view(1, 0), "a/b"), "unmodified");
  assert.equal(stateAt(tree, tree.view(0, 0), "a/b"), "added");
  assert.equal(stateAt(tree, tree.view(0, 0), "c"), "absent");
});

test("view: an opaque directory hides what lies below and keeps its own", () => {
  const tree = buildImageTree([
    layer(directory("d"), file("d/old", 1), file("d/both", 2), file("d/sub/deep", 4)),
    layer(directory("d", { opaque: true }), file("d/both", 2, { mode: 0o600 }), file("d/new", 8)),
  ]);
  const view = tree.view(1, 1);
  assert.equal(stateAt(tree, view, "d"), "modified");
  assert.equal(stateAt(tree, view, "d/old"), "removed");
  assert.equal(stateAt(tree, view, "d/sub/deep"), "removed");
  assert.equal(stateAt(tree, view, "d/both"), "modified");
  assert.equal(stateAt(tree, view, "d/new"), "added");
  assert.equal(sizeAt(tree, view, "d"), 10);
});

test("view: a file in place of a directory removes what was in it, and back", () => {
  const tree = buildImageTree([layer(file("d/x", 1)), layer(symlink("d", "e")), layer(file("d/y", 2))]);
  const first = tree.view(1, 1);
  assert.equal(stateAt(tree, first, "d"), "modified");
  assert.equal(stateAt(tree, first, "d/x"), "removed");
  const second = tree.view(2, 2);
  assert.equal(stateAt(tree, second, "d/x"), "absent");
  assert.equal(stateAt(tree, second, "d/y"), "added");
  const both = tree.view(1, 2);
  assert.equal(stateAt(tree, both, "d/x"), "removed");
  assert.equal(stateAt(tree, both, "d/y"), "added");
});

test("view: aggregated, what came and went between is removed, what came back is what it was", () => {
  const tree = buildImageTree([
    layer(file("kept", 1), file("back", 2)),
    layer(file("brief", 4), whiteout("back")),
    layer(whiteout("brief"), file("back", 2, { mode: 0o600 })),
  ]);
  const view = tree.view(1, 2);
  assert.equal(stateAt(tree, view, "brief"), "removed");
  assert.equal(sizeAt(tree, view, "brief"), 4);
  assert.equal(stateAt(tree, view, "back"), "modified");
  assert.equal(stateAt(tree, tree.view(2, 2), "back"), "added");
  assert.equal(stateAt(tree, tree.view(3, 2), "brief"), "absent");
});

test("view: a directory that a tar only implies keeps the attributes of the one below", () => {
  const tree = buildImageTree([layer(directory("d", { mode: 0o700 })), layer(file("d/x"))]);
  const node = tree.find("d") ?? 0;
  assert.equal(tree.view(1, 1).entryOf(node)?.mode, 0o700);
  assert.equal(tree.occurrencesOf(node)[1]?.changes, 0);
  const repeated = buildImageTree([layer(directory("d")), layer(file("e/x")), layer(directory("d"))]);
  assert.equal(stateAt(repeated, repeated.view(2, 2), "d"), "unmodified");
});

test("view: files of one size are modified until somebody has compared them", () => {
  const layers = [layer(file("x", 5), file("empty", 0)), layer(file("x", 5), file("empty", 0))];
  const tree = buildImageTree(layers);
  assert.deepEqual(tree.undecided(), [{ path: "x", lowerLayer: 0, upperLayer: 1, size: 5 }]);
  assert.equal(stateAt(tree, tree.view(1, 1), "x"), "modified");
  assert.equal(stateAt(tree, tree.view(1, 1), "empty"), "unmodified");
  for (const question of tree.undecided()) tree.settle(question, true);
  assert.equal(stateAt(tree, tree.view(1, 1), "x"), "unmodified");
  assert.deepEqual(tree.undecided(), []);
  const other = buildImageTree(layers);
  for (const question of other.undecided()) other.settle(question, false);
  assert.equal((other.occurrencesOf(other.find("x") ?? 0)[1]?.changes ?? 0) & MODIFYING, Change.content);
});

test("view: hard links to one name are equal, to another undecided", () => {
  const tree = buildImageTree([
    layer(file("a"), hardLink("b", "a"), hardLink("c", "a")),
    layer(file("a", 2), hardLink("b", "a"), file("c", 0)),
  ]);
  assert.equal(stateAt(tree, tree.view(1, 1), "b"), "unmodified");
  assert.deepEqual(
    tree.undecided().map((question) => question.path),
    ["c"],
  );
});

/** What a stack of layers shows, the slow and plain way: path → entry. */
function stacked(layers: readonly (readonly LayerEntry[])[]): Map<string, LayerEntry> {
  const shown = new Map<string, LayerEntry>();
  const dropBelow = (path: string): void => {
    for (const other of shown.keys()) if (other.startsWith(`${path}/`)) shown.delete(other);
  };
  for (const entries of layers) {
    for (const item of entries) {
      if (item.whiteout === true || item.opaque === true || item.type !== "directory") dropBelow(item.path);
    }
    for (const item of entries) {
      const lower = shown.get(item.path);
      if (item.whiteout === true) shown.delete(item.path);
      else if (item.implied !== true || lower?.type !== "directory") shown.set(item.path, item);
    }
  }
  return shown;
}

test("view: equals stacking from scratch, for any layers and range", () => {
  fc.assert(
    fc.property(anyLayers, fc.nat(5), fc.nat(5), (layers, a, b) => {
      const to = b % layers.length;
      const from = a % (to + 1);
      const tree = buildImageTree(layers);
      const view = tree.view(from, to);
      const before = stacked(layers.slice(0, from));
      const after = stacked(layers.slice(0, to + 1));
      const own = new Map<string, string>();
      for (let node = 1; node < tree.nodeCount; node++) {
        const path = tree.pathOf(node);
        const state = WORDS[view.stateOf(node)];
        const was = before.get(path);
        const is = after.get(path);
        if (is !== undefined) assert.equal(view.entryOf(node), is, path);
        if (is !== undefined && was === undefined) assert.equal(state, "added", path);
        if (is === undefined && was !== undefined) assert.equal(state, "removed", path);
        if (is === undefined && was === undefined) assert.ok(state === "absent" || state === "removed", path);
        if (is !== undefined && was !== undefined) {
          assert.ok(state === "unmodified" || state === "modified", path);
          if (from === to && is !== was && (changesBetween(was, is) & MODIFYING) !== 0) own.set(path, "modified");
          if (is === was) own.set(path, "unmodified");
        }
      }
      for (const [path, state] of own) {
        const isLeaf = tree.childrenOf(tree.find(path) ?? 0).length === 0;
        if (isLeaf || state === "modified") assert.equal(stateAt(tree, view, path), state, path);
      }
      let total = 0;
      for (const item of after.values()) total += item.size;
      assert.equal(view.sizes[0], total);
    }),
    { numRuns: 500 },
  );
});

test("view: what a directory weighs is what its files weigh, and a change shows in all its parents", () => {
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const tree = buildImageTree(layers);
      const view = tree.view(layers.length - 1, layers.length - 1);
      for (let node = tree.nodeCount - 1; node > 0; node--) {
        const state = view.stateOf(node);
        const parent = view.stateOf(tree.parentOf(node));
        if (state !== NodeState.absent && state !== NodeState.unmodified) assert.notEqual(parent, NodeState.unmodified);
        let bytes = view.isPresent(node) ? (view.entryOf(node)?.size ?? 0) : 0;
        for (const child of tree.childrenOf(node)) if (view.isPresent(child)) bytes += view.sizes[child] ?? 0;
        if (view.isPresent(node)) assert.equal(view.sizes[node], bytes, tree.pathOf(node));
      }
    }),
    { numRuns: 300 },
  );
});

test("tree: names of any depth and number, in time that grows with them", () => {
  const deep = Array.from({ length: 2000 }, () => "d").join("/");
  const wide = [directory("w"), ...Array.from({ length: 20_000 }, (_, index) => file(`w/${index}`))];
  const tree = buildImageTree([layer(file(deep)), wide, wide.toReversed()]);
  assert.equal(tree.nodeCount, 1 + 2000 + 1 + 20_000);
  assert.equal(tree.depthOf(tree.find(deep) ?? 0), 2000);
  const names = [...tree.childrenOf(tree.find("w") ?? 0)].map((child) => tree.nameOf(child));
  assert.deepEqual(names, names.toSorted());
  assert.equal(tree.view(2, 2).sizes[0], 20_001);
});

test("tree: entries in no order, twice, or without parents still make a tree", () => {
  const tree = buildImageTree([[file("b/x", 1), file("a", 2), file("b/x", 3)]]);
  const view = tree.view(0, 0);
  assert.equal(stateAt(tree, view, "b/x"), "added");
  assert.equal(view.entryOf(tree.find("b/x") ?? 0)?.size, 3, "the last of two counts");
  assert.equal(tree.occurrencesOf(tree.find("b") ?? 0).length, 0);
});
