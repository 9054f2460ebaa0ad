import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { buildImageTree, explainPath, mergeImage } from "#analysis";
import type { LayerEntry, PathEvent, PathHistory } from "#analysis";
import { anyLayers, directory, file, hardLink, imageOf, layer, symlink, whiteout } from "./analysis.testkit.test.ts";

function historyOf(
  layers: readonly (readonly LayerEntry[])[],
  path: string,
  layerCount?: number,
): PathHistory | undefined {
  const tree = buildImageTree(layers);
  return explainPath(mergeImage(imageOf(layers), tree, layerCount), path);
}

function told(history: PathHistory | undefined): readonly string[] {
  return (history?.events ?? []).map(({ kind, layer, changes, hiddenBy, wastedBytes }) =>
    [
      layer.index,
      kind,
      ...changes,
      ...(hiddenBy === undefined ? [] : [hiddenBy.kind, hiddenBy.path]),
      wastedBytes,
    ].join(" "),
  );
}

test("why: added, changed and what the shadowed copies waste", () => {
  const history = historyOf(
    [
      layer(file("etc/x", 10)),
      layer(file("y")),
      layer(file("etc/x", 20, { mode: 0o600 })),
      layer(file("etc/x", 20, { uid: 1 })),
    ],
    "/etc/x",
  );
  assert.deepEqual(told(history), ["0 added 10", "2 changed content mode 20", "3 changed undecided mode owner 0"]);
  assert.equal(history?.wastedBytes, 30);
  assert.equal(history?.entry?.uid, 1);
  assert.equal(history?.events[1]?.layer.history?.created_by, "step 2");
  assert.equal(history?.events[1]?.layer.step, 3);
});

test("why: removed by its own whiteout, and there again", () => {
  const layers = [layer(file("a", 4)), layer(whiteout("a")), layer(whiteout("a")), layer(file("a", 5))];
  const history = historyOf(layers, "a");
  assert.deepEqual(told(history), ["0 added 4", "1 removed whiteout a 0", "3 added 0"]);
  assert.equal(history?.wastedBytes, 4);
  const earlier = historyOf(layers, "a", 2);
  assert.deepEqual(told(earlier), ["0 added 4", "1 removed whiteout a 0"]);
  assert.equal(earlier?.entry, undefined);
});

test("why: removed with a directory above: whiteout, opaque, replaced", () => {
  const base = layer(directory("d"), file("d/e/x", 4));
  assert.deepEqual(told(historyOf([base, layer(whiteout("d"))], "d/e/x")), ["0 added 4", "1 removed whiteout d 0"]);
  assert.deepEqual(told(historyOf([base, layer(directory("d/e", { opaque: true }))], "d/e/x")), [
    "0 added 4",
    "1 removed opaque d/e 0",
  ]);
  assert.deepEqual(told(historyOf([base, layer(file("d", 1))], "d/e/x")), ["0 added 4", "1 removed replaced d 0"]);
});

test("why: a new copy under an opaque directory is a change of the old one", () => {
  const history = historyOf([layer(file("d/x", 4)), layer(directory("d", { opaque: true }), file("d/x", 5))], "d/x");
  assert.deepEqual(told(history), ["0 added 4", "1 changed content 0"]);
});

test("why: the same again is repeated, and wastes what was there", () => {
  const layers = [layer(file("a", 4)), layer(file("a", 4, { mtimeSeconds: 5 }))];
  const tree = buildImageTree(layers);
  const merged = mergeImage(imageOf(layers), tree);
  assert.deepEqual(told(explainPath(merged, "a")), ["0 added 4", "1 changed undecided mtime 0"]);
  for (const question of tree.undecided()) tree.settle(question, true);
  assert.deepEqual(told(explainPath(merged, "a")), ["0 added 4", "1 repeated mtime 0"]);
});

test("why: a directory tells its own changes and the waste of all below it", () => {
  const history = historyOf(
    [
      layer(directory("d"), file("d/x", 4), file("d/y", 6)),
      layer(directory("d"), file("d/x", 5)),
      layer(directory("d", { mode: 0o700 }), whiteout("d/y")),
    ],
    "d/",
  );
  assert.deepEqual(told(history), ["0 added 10", "2 changed mode 0"]);
  assert.equal(history?.wastedBytes, 10);
});

test("why: symlinks among its directories are followed, also when it is gone", () => {
  const layers = [
    layer(symlink("bin", "usr/bin"), file("usr/bin/ls", 3), file("usr/bin/cp", 3), symlink("l", "usr/bin/ls")),
    layer(whiteout("usr/bin/cp")),
  ];
  assert.equal(historyOf(layers, "/bin/ls")?.path, "usr/bin/ls");
  assert.deepEqual(told(historyOf(layers, "/bin/cp")), ["0 added 3", "1 removed whiteout usr/bin/cp 0"]);
  assert.equal(historyOf(layers, "/l")?.path, "l", "the last one is asked about itself");
  assert.equal(historyOf(layers, "bin/../bin/ls")?.path, "usr/bin/ls");
});

test("why: hard links weigh nothing, the root has no events, other names are unknown", () => {
  const layers = [layer(file("a", 4), hardLink("b", "a")), layer(whiteout("b"), whiteout("never"))];
  assert.deepEqual(told(historyOf(layers, "b")), ["0 added 0", "1 removed whiteout b 0"]);
  assert.deepEqual(told(historyOf(layers, "/")), []);
  assert.equal(historyOf(layers, "zz"), undefined);
  assert.equal(historyOf(layers, "never"), undefined, "a whiteout alone is no history");
});

test("why: the last event agrees with what stands, for any layers", () => {
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const tree = buildImageTree(layers);
      const merged = mergeImage(imageOf(layers), tree);
      for (let node = 1; node < tree.nodeCount; node++) {
        const history = explainPath(merged, tree.pathOf(node));
        // Through a symlink it may be another path.
        if (history === undefined || history.path !== tree.pathOf(node)) continue;
        assert.equal(history.entry, merged.view.isPresent(node) ? merged.view.entryOf(node) : undefined);
        assert.equal(history.events.at(-1)?.kind === "removed", history.entry === undefined);
        assert.ok(history.wastedBytes >= 0);
        for (const [index, event] of history.events.entries()) {
          const before: PathEvent | undefined = history.events[index - 1];
          assert.equal(event.kind === "added", before === undefined || before.kind === "removed");
          assert.ok(before === undefined || before.layer.index < event.layer.index);
        }
      }
    }),
    { numRuns: 300 },
  );
});
