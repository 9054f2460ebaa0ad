import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImageTree, mergeImage, readWhole, resolvePath } from "#analysis";
import type { LayerEntry, MergedImage } from "#analysis";
import { hasCode } from "#errors";
import { directory, file, imageOf, layer, symlink, whiteout } from "./analysis.testkit.test.ts";

function merged(...layers: readonly (readonly LayerEntry[])[]): MergedImage {
  return mergeImage(imageOf(layers, { "1:etc/os-release": "ID=x\n" }), buildImageTree(layers));
}

function resolved(image: MergedImage, path: string, followLast?: boolean): string | undefined {
  const node = resolvePath(image, path, followLast === undefined ? undefined : { followLast });
  return node === undefined ? undefined : image.tree.pathOf(node);
}

test("resolvePath: symlinks, absolute and relative, in the middle and at the end", () => {
  const image = merged(
    layer(
      symlink("bin", "usr/bin"),
      file("usr/bin/ls"),
      symlink("usr/bin/l", "ls"),
      symlink("etc/up", "../usr/./bin//"),
      symlink("etc/abs", "/etc/up/l"),
      symlink("etc/out", "../../../usr"),
      symlink("etc/dangling", "nothing"),
    ),
  );
  assert.equal(resolved(image, "/bin/ls"), "usr/bin/ls");
  assert.equal(resolved(image, "bin"), "usr/bin");
  assert.equal(resolved(image, "bin", false), "bin");
  assert.equal(resolved(image, "bin/", false), "bin");
  assert.equal(resolved(image, "/etc/abs"), "usr/bin/ls");
  assert.equal(resolved(image, "etc/out/bin"), "usr/bin");
  assert.equal(resolved(image, "etc/dangling"), undefined);
  assert.equal(resolved(image, "etc/dangling", false), "etc/dangling");
  assert.equal(resolved(image, "/"), "");
  assert.equal(resolved(image, "../.."), "");
});

test("resolvePath: a loop is an error, a long chain is not", () => {
  const chain = Array.from({ length: 39 }, (_, index) => symlink(`l${index}`, `l${index + 1}`));
  const image = merged(layer(symlink("a", "b"), symlink("b", "a"), symlink("self", "self/x"), ...chain, file("l39")));
  for (const path of ["a", "b/c", "self"]) {
    assert.throws(
      () => resolvePath(image, path),
      (error) => hasCode(error, "SYMLINK_LOOP") && String(error).includes("too many levels of symbolic links"),
    );
  }
  assert.equal(resolved(image, "l0"), "l39");
});

test("mergeImage: what later layers do is not there yet", () => {
  const layers = [layer(file("a"), directory("d")), layer(whiteout("a"), file("b"))];
  const tree = buildImageTree(layers);
  const at = (count: number): readonly (string | undefined)[] =>
    ["a", "b"].map((path) => resolved(mergeImage(imageOf(layers), tree, count), path));
  assert.deepEqual(at(1), ["a", undefined]);
  assert.deepEqual(at(2), [undefined, "b"]);
  assert.deepEqual(at(0), [undefined, undefined]);
});

test("readWhole: the bytes of the layer that stands, up to a bound", async () => {
  const image = merged(layer(file("etc/os-release", 3)), layer(file("etc/os-release", 5)));
  const node = resolvePath(image, "etc/os-release") ?? 0;
  assert.equal((await readWhole(image, node, { maxBytes: 5 })).toString(), "ID=x\n");
  await assert.rejects(readWhole(image, node, { maxBytes: 4 }), /\/etc\/os-release has over 4 bytes/);
});
