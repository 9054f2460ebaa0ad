import assert from "node:assert/strict";
import { test } from "node:test";
import { shareTree } from "../shareTree.ts";
import type { SharedLayer } from "../shareTree.ts";
import { compileSearch } from "../search.ts";
import type { LayerEntry } from "../openImage.ts";
import { searchLayers } from "./searchHits.ts";
import { isoTime } from "./shownAttributes.ts";
import type { SearchedLayer } from "./searchHits.ts";

const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1,
  mtimeSeconds: 0,
  ...more,
});

const layer = (diffId: string, entries: readonly LayerEntry[]): SearchedLayer => ({
  diffId,
  entries: async () => entries,
  digestOf: async (path) => (path === "a/x" ? "1" : "2").repeat(64),
});

const LAYERS = [
  layer("base", [entry("a", { type: "directory" }), entry("a/x"), entry("b/y"), entry("keep")]),
  layer("whiteout", [entry("a/x", { type: "char", whiteout: true })]),
  layer("opaque", [entry("b", { type: "directory", opaque: true }), entry("a", { type: "directory" })]),
  layer("file", [entry("a"), entry("keep")]),
];
const IMAGES = [
  { name: "z", diffIds: ["base"] },
  { name: "w", diffIds: ["base", "whiteout"] },
  { name: "o", diffIds: ["base", "opaque"] },
  { name: "f", diffIds: ["base", "file"] },
];

async function found(query: Parameters<typeof compileSearch>[0]): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { path, diffId, images } of searchLayers(LAYERS, IMAGES, compileSearch(query)))
    lines.push(`${path} ${diffId} ${images.map(({ name, shown }) => (shown ? name : `-${name}`)).join(" ")}`);
  return lines;
}

test("searchLayers: a layer is searched once, and each image told whether it shows the file", async () => {
  assert.deepEqual(await found({ globs: ["x"] }), ["/a/x base -f o -w z"]);
  assert.deepEqual(await found({ globs: ["y"] }), ["/b/y base f -o w z"]);
  assert.deepEqual(await found({ globs: ["keep"] }), ["/keep base -f o w z", "/keep file f"]);
  assert.deepEqual(await found({ globs: ["a"], type: "d" }), ["/a base -f o w z", "/a opaque o"]);
});

test("searchLayers: by content", async () => {
  assert.deepEqual(await found({ sha256: "1".repeat(64) }), ["/a/x base -f o -w z"]);
  assert.deepEqual(await found({ sha256: "3".repeat(64) }), []);
});

test("isoTime: bounded to what can be written", () => {
  assert.equal(isoTime(1_764_000_000), "2025-11-24T16:00:00Z");
  assert.equal(isoTime(2 ** 52), "+275760-09-13T00:00:00Z");
});

test("shareTree: images below the layers that they share", () => {
  const layers = (ids: string): { diffId: string; bytes: number; createdBy: string }[] =>
    Array.from(ids, (diffId) => ({ diffId, bytes: 1, createdBy: "" }));
  const shown = ({ diffId, images, children }: SharedLayer): string =>
    `${diffId}[${images.join()}](${children.map(shown).join()})`;
  const tree = shareTree([
    { names: ["z:1"], layers: layers("abd") },
    { names: ["b:2", "b:1"], layers: layers("a") },
    { names: ["c:1"], layers: layers("abc") },
    { names: ["empty"], layers: [] },
    { names: ["d:1"], layers: layers("abc") },
  ]);
  assert.equal(tree.map(shown).join(), "a[b:1,b:2](b[](c[c:1,d:1](),d[z:1]()))");
});
