import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildImageTree, scoreImage } from "#analysis";
import type { ImageScores, LayerEntry } from "#analysis";
import { anyLayers, directory, file, hardLink, layer, symlink, whiteout } from "./analysis.testkit.test.ts";
import { archivesAreMissing, readArchive } from "./archive.testkit.test.ts";
import type { ListedFile } from "./archive.testkit.test.ts";

const scored = (...layers: readonly (readonly LayerEntry[])[]): ImageScores => scoreImage(buildImageTree(layers));

const listed = (scores: ImageScores): readonly string[] =>
  scores.inefficiencies.map(({ path, count, bytes }) => `${path} ${count} ${bytes}`);

test("scores: nothing twice is an efficiency of 1", () => {
  const scores = scored(layer(file("a", 10)), layer(file("b", 5)));
  assert.deepEqual(scores, {
    efficiency: 1,
    sizeBytes: 15,
    userBytes: 5,
    wastedBytes: 0,
    userWastedRatio: 0,
    layerBytes: [10, 5],
    inefficiencies: [],
  });
});

test("scores: no bytes at all are efficient, and waste nothing of nothing", () => {
  const scores = scored(layer(directory("a")));
  assert.equal(scores.efficiency, 1);
  assert.ok(Number.isNaN(scores.userWastedRatio));
  assert.equal(scored().efficiency, 1);
});

test("scores: a path in two layers weighs its smallest copy by all", () => {
  const scores = scored(layer(file("a", 10)), layer(file("a", 30)), layer(file("a", 20)));
  assert.equal(scores.efficiency, 10 / 60);
  assert.deepEqual(listed(scores), ["a 3 60"]);
  assert.equal(scores.wastedBytes, 60);
  assert.equal(scores.userWastedRatio, 60 / 50);
});

test("scores: a removed file counts 0 for its whiteout", () => {
  const scores = scored(layer(file("a", 10), file("b", 10)), layer(whiteout("a")));
  assert.equal(scores.efficiency, 10 / 20);
  assert.deepEqual(listed(scores), ["a 2 10"]);
  assert.equal(scores.userWastedRatio, Infinity);
});

test("scores: a removed directory counts what it held, under its own name and once", () => {
  const scores = scored(layer(file("d/x", 10), directory("d"), file("d/y", 5)), layer(whiteout("d")));
  assert.equal(scores.efficiency, 1);
  assert.deepEqual(listed(scores), []);
  const twice = scored(
    layer(directory("d"), file("d/x", 10)),
    layer(whiteout("d")),
    layer(directory("d"), file("d/z", 3)),
    layer(whiteout("d")),
  );
  assert.deepEqual(listed(twice), ["d 2 13"]);
  assert.equal(twice.efficiency, (10 + 3 + 3) / (10 + 3 + 13));
});

test("scores: a directory that no tar names is none to dive: its whiteout counts 0", () => {
  const scores = scored(layer(file("d/x", 10)), layer(whiteout("d")));
  assert.equal(scores.efficiency, 1);
  assert.equal(
    scored(layer(directory("d"), file("d/x", 10)), layer(file("d/y", 1)), layer(whiteout("d"))).efficiency,
    1,
  );
});

test("scores: what a removed directory held is gone for the next whiteout", () => {
  const scores = scored(
    layer(directory("d"), file("d/x", 10)),
    layer(whiteout("d/x")),
    layer(directory("d"), file("d/y", 4)),
    layer(whiteout("d")),
  );
  assert.deepEqual(listed(scores), ["d/x 2 10"]);
  assert.equal(scores.efficiency, (0 + 4 + 4) / (10 + 4 + 4));
});

test("scores: after a whiteout of nothing the rest of its layer is not counted, as in dive", () => {
  const scores = scored(layer(file("a", 10), file("z", 5)), layer(whiteout("nothing"), file("z", 5), file("A", 5)));
  // "A" is walked before ".wh.nothing"? No: "." sorts before letters, so only what comes before it counts.
  assert.deepEqual(listed(scores), []);
  assert.equal(scores.efficiency, (10 + 5 - 1) / 15);
  const later = scored(layer(file("a", 10)), layer(file("a", 5), whiteout("b/nothing")));
  assert.deepEqual(listed(later), ["a 2 15"]);
  assert.equal(later.efficiency, (5 - 1) / 15);
  assert.equal(scored(layer(whiteout("x"), file("y", 4))).efficiency, 1, "the base has nothing below it");
});

test("scores: opaque directories hide nothing, hard links and symlinks weigh nothing", () => {
  const scores = scored(
    layer(directory("d"), file("d/x", 10), hardLink("d/y", "d/x"), symlink("l", "d")),
    layer(directory("d", { opaque: true }), file("d/z", 1), symlink("l", "e")),
  );
  assert.equal(scores.efficiency, 1);
  assert.deepEqual(listed(scores), ["l 2 0"]);
  assert.equal(scores.sizeBytes, 11);
});

test("scores: an empty directory is a path like any other, one with something in it is not", () => {
  const scores = scored(layer(directory("d"), directory("e"), file("e/x", 1)), layer(directory("d"), directory("e")));
  assert.deepEqual(listed(scores), ["d 2 0"]);
});

test("scores: most bytes first, of equals the one met last", () => {
  const entries = [file("a", 5), file("b", 9), file("c", 5), file("d", 0)];
  assert.deepEqual(listed(scored(layer(...entries), layer(...entries))), ["b 2 18", "c 2 10", "a 2 10", "d 2 0"]);
});

/** The definitions again, from what `tar -tv` prints: no tree, no index. */
function scoreListings(listings: readonly (readonly ListedFile[])[]) {
  const sizes = new Map<string, number[]>();
  const shown = new Map<string, ListedFile>();
  for (const files of listings) {
    const parents = new Set(
      files.flatMap(({ path }) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))),
    );
    const isLeaf = (path: string): boolean => !parents.has(path);
    const gone: string[] = [];
    for (const item of files.filter(({ path }) => isLeaf(path) && !path.endsWith(".wh..wh..opq"))) {
      const [, parent = "", name] = /^(.*\/)?\.wh\.(.*)$/.exec(item.path) ?? [];
      const path = name === undefined ? item.path : parent + name;
      let size = item.size;
      if (name !== undefined) {
        gone.push(path);
        const below = [...shown.values()].filter((other) => other.path.startsWith(`${path}/`));
        size = shown.get(path)?.isDirectory === true ? below.reduce((sum, other) => sum + other.size, 0) : 0;
      }
      sizes.set(path, [...(sizes.get(path) ?? []), size]);
    }
    for (const item of files) if (!/(?:^|\/)\.wh\./.test(item.path)) shown.set(item.path, item);
    for (const path of gone) {
      for (const other of shown.keys()) if (other === path || other.startsWith(`${path}/`)) shown.delete(other);
    }
  }
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const all = [...sizes.values()];
  const layerBytes = listings.map((files) => sum(files.map((item) => item.size)));
  const repeated = [...sizes].filter(([, copies]) => copies.length > 1);
  const bytes = sum(all.flat());
  return {
    efficiency: bytes === 0 ? 1 : sum(all.map((copies) => Math.min(...copies))) / bytes,
    layerBytes,
    sizeBytes: sum(layerBytes),
    userBytes: sum(layerBytes.slice(1)),
    wastedBytes: sum(repeated.flatMap(([, copies]) => copies)),
    inefficiencies: repeated.map(([path, copies]) => ({ path, count: copies.length, bytes: sum(copies) })),
  };
}

const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);

const ARCHIVES = [
  "test-docker-image.tar",
  "test-kaniko-image.tar",
  "test-oci-gzip-image.tar",
  "test-oci-zstd-image.tar",
  "test-oci-estargz-image.tar",
  "test-oci-uncompressed-image.tar",
];

/** More of them, as `docker save` writes them: absolute paths with ":" between. */
const MORE = (process.env["VARVE_TEST_ARCHIVES"] ?? "").split(":").filter((path) => path !== "");

for (const name of [...ARCHIVES, ...MORE]) {
  test(`scores: ${basename(name)} equals what its tar listings say`, {
    skip: !MORE.includes(name) && archivesAreMissing,
  }, async () => {
    const image = await readArchive(name);
    const { userWastedRatio, ...scores } = scoreImage(image.tree);
    const expected = scoreListings(image.listings);
    assert.deepEqual(
      { ...scores, inefficiencies: scores.inefficiencies.toSorted(byPath) },
      { ...expected, inefficiencies: expected.inefficiencies.toSorted(byPath) },
    );
    assert.deepEqual([userWastedRatio], [expected.wastedBytes / expected.userBytes]);
  });
}

test("scores: dive's own figures for its test image", { skip: archivesAreMissing }, async () => {
  const scores = scoreImage((await readArchive("test-docker-image.tar")).tree);
  assert.equal(scores.efficiency, 0.9844212134184309);
  assert.equal(scores.sizeBytes, 1_220_598);
  assert.equal(scores.wastedBytes, 32_025);
  assert.equal((scores.userWastedRatio * 100).toFixed(2), "48.35");
  assert.deepEqual(listed(scores), [
    "root/saved.txt 2 12810",
    "root/example/somefile1.txt 2 12810",
    "root/example/somefile3.txt 2 6405",
  ]);
});

/** What `tar -tv` would list of entries: no headers for implied directories, whiteouts under their own names. */
function listingOfEntries(entries: readonly LayerEntry[]): readonly ListedFile[] {
  return entries
    .filter((item) => item.implied !== true)
    .map((item) => {
      const path = item.whiteout === true ? item.path.replace(/[^/]+$/, ".wh.$&") : item.path;
      return { path, size: item.size, isDirectory: item.type === "directory" };
    });
}

/** Layers in which dive's oddities play no part: each whiteout hides something, each directory has a header and stays one. */
const plainLayers = anyLayers.map((layers) => {
  const shown = new Map<string, LayerEntry>();
  return layers.map((entries) => {
    const kept = entries
      .map((item) => (item.implied === true ? directory(item.path) : item))
      .filter((item) => item.whiteout !== true || shown.has(item.path))
      .filter((item) => {
        const lower = shown.get(item.path);
        return (
          item.whiteout === true || lower === undefined || (lower.type === "directory") === (item.type === "directory")
        );
      });
    const own = new Map(kept.map((item) => [item.path, item]));
    const hasParents = (path: string): boolean =>
      path
        .split("/")
        .every((_, index, parts) => index === 0 || own.get(parts.slice(0, index).join("/"))?.type === "directory");
    const sound = kept.filter((item) => hasParents(item.path));
    for (const item of sound) {
      if (item.whiteout !== true) shown.set(item.path, item);
      else
        for (const path of shown.keys()) if (path === item.path || path.startsWith(`${item.path}/`)) shown.delete(path);
    }
    return sound;
  });
});

test("scores: equal the definitions computed from listings, for any layers", () => {
  fc.assert(
    fc.property(plainLayers, (layers) => {
      const { userWastedRatio, ...scores } = scored(...layers);
      const expected = scoreListings(layers.map(listingOfEntries));
      assert.deepEqual(
        { ...scores, inefficiencies: scores.inefficiencies.toSorted(byPath) },
        { ...expected, inefficiencies: expected.inefficiencies.toSorted(byPath) },
      );
      assert.equal(Object.is(userWastedRatio, expected.wastedBytes / expected.userBytes), true);
    }),
    { numRuns: 500 },
  );
});

test("scores: whatever the layers, they are within bounds", () => {
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const scores = scored(...layers);
      assert.ok(scores.efficiency <= 1);
      assert.equal(
        scores.sizeBytes,
        scores.layerBytes.reduce((sum, bytes) => sum + bytes, 0),
      );
      assert.ok(scores.inefficiencies.every((item) => item.count > 1 && item.bytes >= 0));
      const order = scores.inefficiencies.map((item) => item.bytes);
      assert.deepEqual(
        order,
        order.toSorted((a, b) => b - a),
      );
    }),
  );
});
