import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImageTree, NodeState, settleContents, whyPath } from "#analysis";
import { file, hardLink, imageOf, layer } from "./analysis.testkit.test.ts";

const LAYERS = [
  layer(file("same", 3), file("other", 3), file("large", 9)),
  layer(file("same", 3, { mtimeSeconds: 1 }), file("other", 3), file("large", 9)),
  layer(file("same", 3)),
];
const CONTENTS = { "0:same": "abc", "1:same": "abc", "2:same": "abd", "0:other": "abc", "1:other": "xyz" };

test("settle: files of one size are compared, each is read once", async () => {
  const reads: string[] = [];
  const image = imageOf(LAYERS, CONTENTS, { onRead: (what) => void reads.push(what) });
  const tree = buildImageTree(LAYERS);
  assert.equal(await settleContents(image, tree, { maxBytes: 5 }), 1);
  const stateAt = (path: string, layerIndex: number): number =>
    tree.view(layerIndex, layerIndex).stateOf(tree.find(path) ?? 0);
  assert.equal(stateAt("same", 1), NodeState.unmodified);
  assert.equal(stateAt("same", 2), NodeState.modified);
  assert.equal(stateAt("other", 1), NodeState.modified);
  assert.deepEqual(
    tree.undecided().map(({ path }) => path),
    ["large"],
  );
  assert.deepEqual(reads.sort(), ["0:other", "0:same", "1:other", "1:same", "2:same"]);
});

test("settle: one path alone, as why asks for it", async () => {
  const image = imageOf(LAYERS, CONTENTS);
  const tree = buildImageTree(LAYERS);
  assert.equal(await settleContents(image, tree, { path: "same" }), 1);
  assert.deepEqual([...new Set(tree.undecided().map(({ path }) => path))], ["large", "other"]);
  const told = await whyPath(image, buildImageTree(LAYERS), { path: "/same", known: [] });
  assert.deepEqual(
    told?.events.map(({ kind, changes, wastedBytes }) => [kind, changes.join(" "), wastedBytes].join(":")),
    ["added::3", "repeated:mtime:3", "changed:content mtime:0"],
  );
});

test("settle: digests may come from elsewhere, also for hard links", async () => {
  const layers = [layer(file("a", 3), file("b", 3)), layer(file("a", 3), hardLink("b", "a"))];
  const tree = buildImageTree(layers);
  assert.equal(await settleContents(imageOf(layers), tree, { digestOf: async () => "one" }), 2);
  assert.equal(tree.view(1, 1).stateOf(tree.find("b") ?? 0), NodeState.unmodified);
});

test("settle: an aborted or failed comparison ends it", async () => {
  const tree = buildImageTree(LAYERS);
  await assert.rejects(settleContents(imageOf(LAYERS), tree, { signal: AbortSignal.abort() }), /abort/i);
  const broken = async (): Promise<string> => await Promise.reject(new Error("broken"));
  await assert.rejects(settleContents(imageOf(LAYERS), tree, { digestOf: broken }), /broken/);
});
