import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildImageTree, diffFiles, diffSizes, mergeImage, sharedLayersOf } from "#analysis";
import type { DiffFilesOptions, FileDifference, LayerEntry, MergedImage } from "#analysis";
import {
  anyLayer,
  anyLayers,
  diffIdOf,
  directory,
  file,
  hardLink,
  imageOf,
  layer,
  symlink,
  whiteout,
} from "../analysis.testkit.test.ts";
import { changesBetween, MODIFYING } from "../changes.ts";

interface Given {
  readonly layers: readonly (readonly LayerEntry[])[];
  /** Which layer each is, by number: images share those with equal numbers. */
  readonly ids: readonly number[];
  readonly contents?: Readonly<Record<string, string>>;
  readonly onRead?: (what: string) => void;
}

function merged({ layers, ids, contents = {}, onRead = () => undefined }: Given): MergedImage {
  return mergeImage(imageOf(layers, contents, { diffIds: ids.map(diffIdOf), onRead }), buildImageTree(layers));
}

const told = (differences: readonly FileDifference[]): readonly string[] =>
  differences.map(({ kind, path, changes }) => [kind, path, ...changes].join(" "));

async function diffed(a: Given, b: Given, options?: DiffFilesOptions): Promise<readonly string[]> {
  return told(await diffFiles(merged(a), merged(b), options));
}

const BASE = layer(directory("etc"), file("etc/a", 3), file("etc/b", 3), file("usr/c", 3));

test("diff: added, removed and changed, in the order of a walk", async () => {
  const differences = await diffed(
    { layers: [BASE], ids: [1] },
    {
      layers: [
        layer(
          directory("etc", { mode: 0o700 }),
          file("etc/a", 4, { uid: 7 }),
          file("new/x"),
          symlink("etc/b", "a"),
          directory("usr/c"),
        ),
      ],
      ids: [2],
    },
  );
  assert.deepEqual(differences, [
    "changed etc mode",
    "changed etc/a content owner",
    "changed etc/b type",
    "added new",
    "added new/x",
    "changed usr/c type mode",
  ]);
});

test("diff: a removed directory goes with all it held", async () => {
  const differences = await diffed(
    { layers: [BASE], ids: [1] },
    { layers: [BASE, layer(whiteout("etc"))], ids: [1, 2] },
  );
  assert.deepEqual(differences, ["removed etc", "removed etc/a", "removed etc/b"]);
});

test("diff: shared layers are equal unseen, and so is a layer that both have elsewhere", async () => {
  const reads: string[] = [];
  const onRead = (what: string): void => void reads.push(what);
  const twice = layer(file("etc/a", 3, { mtimeSeconds: 5 }));
  const a = { layers: [BASE, twice], ids: [1, 2], onRead };
  const b = { layers: [BASE, layer(file("z")), twice], ids: [1, 3, 2], onRead };
  assert.deepEqual(await diffed(a, b, { content: "always" }), ["added z"]);
  assert.deepEqual(reads, []);
  assert.equal(sharedLayersOf(merged(a), merged(b)), 1);
  assert.deepEqual(await diffed(a, a, { content: "always" }), []);
});

test("diff: files of one size are read when their times differ, or always, or never", async () => {
  const reads: string[] = [];
  const onRead = (what: string): void => void reads.push(what);
  const a = {
    layers: [layer(file("same", 3), file("other", 3), file("touched", 3), file("secret", 3))],
    ids: [1],
    contents: { "0:same": "abc", "0:other": "abc", "0:touched": "abc", "0:secret": "abc" },
    onRead,
  };
  const later = { mtimeSeconds: 9 };
  const b = {
    layers: [layer(file("same", 3), file("other", 3, later), file("touched", 3, later), file("secret", 3))],
    ids: [2],
    contents: { "0:same": "abc", "0:other": "abd", "0:touched": "abc", "0:secret": "xyz" },
    onRead,
  };
  assert.deepEqual(await diffed(a, b), ["changed other content mtime"]);
  assert.equal(reads.length, 4);
  assert.deepEqual(await diffed(a, b, { content: "always" }), [
    "changed other content mtime",
    "changed secret content",
  ]);
  reads.length = 0;
  assert.deepEqual(await diffed(a, b, { content: "never" }), [
    "changed other undecided mtime",
    "changed touched undecided mtime",
  ]);
  assert.deepEqual(reads, []);
});

test("diff: an own digest function is asked once for a file", async () => {
  const asked: string[] = [];
  const digestOf: DiffFilesOptions["digestOf"] = async (_image, layerIndex, path) => {
    asked.push(`${layerIndex}:${path}`);
    return "same";
  };
  const later = { mtimeSeconds: 9 };
  const differences = await diffed(
    { layers: [layer(file("a", 3), hardLink("b", "a"), hardLink("c", "a"))], ids: [1] },
    { layers: [layer(file("a", 3, later), hardLink("b", "a"), file("c", 3, later))], ids: [2] },
    { digestOf },
  );
  assert.deepEqual(differences, []);
  assert.deepEqual(asked.sort(), ["0:a", "0:a", "0:c"]);
});

test("diff: a hard link into a lower layer has the attributes of what it leads to", async () => {
  const lower = {
    path: "l",
    type: "file",
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds: 0,
    target: "a",
    hardLink: true,
  } as const;
  const differences = await diffed(
    { layers: [layer(file("a", 3), hardLink("l", "a"))], ids: [1] },
    { layers: [layer(file("a", 3)), [lower]], ids: [2, 3] },
  );
  assert.deepEqual(differences, []);
});

test("diff: attributes of directories that no tar names are made up and not compared", async () => {
  const a = { layers: [layer(directory("d", { mode: 0o700 }), file("d/x", 1))], ids: [1] };
  assert.deepEqual(await diffed(a, { layers: [layer(file("d/x", 1))], ids: [2] }), []);
});

test("diff: two steps of one image share its tree", async () => {
  const layers = [BASE, layer(file("etc/a", 9)), layer(whiteout("etc/b"))];
  const tree = buildImageTree(layers);
  const image = imageOf(layers);
  const at = (count: number): MergedImage => mergeImage(image, tree, count);
  assert.deepEqual(told(await diffFiles(at(1), at(3))), ["changed etc/a content", "removed etc/b"]);
  assert.deepEqual(told(await diffFiles(at(3), at(2))), ["added etc/b"]);
  assert.deepEqual(told(await diffFiles(at(0), at(1))), [
    "added etc",
    "added etc/a",
    "added etc/b",
    "added usr",
    "added usr/c",
  ]);
});

test("diff: a read that fails or is aborted ends it", async () => {
  const a = { layers: [layer(file("a", 3))], ids: [1] };
  const b = { layers: [layer(file("a", 3, { mtimeSeconds: 1 }))], ids: [2] };
  await assert.rejects(diffed(a, b, { digestOf: async () => await Promise.reject(new Error("broken")) }), /broken/);
  await assert.rejects(diffed(a, b, { signal: AbortSignal.abort() }), /abort/i);
});

test("diff: sizes of the whole and of each name in the root", () => {
  const a = merged({ layers: [BASE], ids: [1] });
  const b = merged({ layers: [BASE, layer(whiteout("usr"), file("opt/x", 50))], ids: [1, 2] });
  assert.deepEqual(diffSizes(a, b), [
    { path: "", before: 9, after: 56 },
    { path: "etc", before: 6, after: 6 },
    { path: "opt", before: 0, after: 50 },
    { path: "usr", before: 3, after: 0 },
  ]);
});

/** Path → entry of a merged image. */
function seen(image: MergedImage): Map<string, LayerEntry> {
  const found = new Map<string, LayerEntry>();
  for (let node = 1; node < image.tree.nodeCount; node++) {
    const entry = image.view.isPresent(node) ? image.view.entryOf(node) : undefined;
    if (entry !== undefined) found.set(image.tree.pathOf(node), entry);
  }
  return found;
}

test("diff: equals comparing all paths, for any two images that share some layers", async () => {
  await fc.assert(
    fc.asyncProperty(anyLayers, fc.array(anyLayer, { maxLength: 3 }), fc.nat(4), async (layers, others, kept) => {
      const a = merged({ layers, ids: layers.map((_, index) => index) });
      const upper = [...layers.slice(0, kept), ...others];
      const b = merged({
        layers: upper,
        ids: upper.map((_, index) => (index < Math.min(kept, layers.length) ? index : 100 + index)),
      });
      const [before, after] = [seen(a), seen(b)];
      const expected: string[] = [];
      for (const path of new Set([...before.keys(), ...after.keys()])) {
        const [left, right] = [before.get(path), after.get(path)];
        if (left === undefined) expected.push(`added ${path}`);
        else if (right === undefined) expected.push(`removed ${path}`);
        else if (left !== right) {
          const madeUp = (left.implied === true || right.implied === true) && left.type === right.type;
          if (!madeUp && (changesBetween(left, right) & MODIFYING & ~128) !== 0) expected.push(`changed ${path}`);
        }
      }
      const differences = await diffFiles(a, b, { content: "always" });
      assert.deepEqual(differences.map(({ kind, path }) => `${kind} ${path}`).sort(), expected.sort());
    }),
    { numRuns: 300 },
  );
});
