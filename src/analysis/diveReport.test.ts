import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { buildImageTree, diveCommandOf, diveReport, imageLayersOf, scoreImage } from "#analysis";
import type { LayerEntry } from "#analysis";
import { parseDiffId } from "#oci";
import { directory, entry, file, hardLink, layer, symlink, whiteout } from "./analysis.testkit.test.ts";
import { archivesAreMissing, readArchive } from "./archive.testkit.test.ts";

const DIFF_ID = parseDiffId(`sha256:${"ab".repeat(32)}`);

function reportOf(layers: readonly (readonly LayerEntry[])[], created_by?: string): string {
  const config = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(() => DIFF_ID) },
    ...(created_by === undefined ? {} : { history: layers.map(() => ({ created_by })) }),
  };
  const tree = buildImageTree(layers);
  return diveReport(imageLayersOf(config), tree, scoreImage(tree));
}

function listedBy(layers: readonly (readonly LayerEntry[])[]) {
  return JSON.parse(reportOf(layers)).layer.map((item: { readonly fileList: unknown }) => item.fileList);
}

test("report: the whole of a small image", () => {
  const text = reportOf([layer(file("a", 3, { mode: 0o4755, uid: 5, gid: 6 }))], "/bin/sh -c echo <&>");
  const expected = `{
  "layer": [
    {
      "index": 0,
      "id": "${"ab".repeat(32)}",
      "digestId": "sha256:${"ab".repeat(32)}",
      "sizeBytes": 3,
      "command": "echo \\u003c\\u0026\\u003e",
      "fileList": [
        {
          "path": "a",
          "typeFlag": 48,
          "linkName": "",
          "size": 3,
          "fileMode": ${0o755 + 2 ** 23},
          "uid": 5,
          "gid": 6,
          "isDir": false
        }
      ]
    }
  ],
  "image": {
    "sizeBytes": 3,
    "inefficientBytes": 0,
    "efficiencyScore": 1,
    "fileReference": []
  }
}`;
  assert.equal(text, expected);
});

test("report: children before their directory, names by their bytes, whiteouts under their own", () => {
  const [files] = listedBy([
    layer(directory("a"), file("a/x"), file("a-b"), whiteout("a/zz"), whiteout("c"), file("a/.a"), symlink("b", "a")),
  ]);
  assert.deepEqual(
    files.map((item: { readonly path: string }) => item.path),
    [".wh.c", "a/.a", "a/.wh.zz", "a/x", "a", "a-b", "b"],
  );
});

test("report: types, links, and directories that no header names", () => {
  const [files] = listedBy([
    layer(
      entry("b", "block", { device: { major: 1, minor: 2 } }),
      entry("c", "char", { device: { major: 1, minor: 3 } }),
      directory("d", { mode: 0o1777 }),
      file("e/f", 0),
      hardLink("h", "e/f"),
      entry("p", "fifo"),
      symlink("s", "caf\xc3\xa9"),
    ),
  ]);
  const seen = files.map((item: { readonly path: string; readonly typeFlag: number; readonly fileMode: number }) => [
    item.path,
    String.fromCharCode(item.typeFlag),
    item.fileMode,
  ]);
  assert.deepEqual(seen, [
    ["b", "4", 0o644 + 2 ** 26],
    ["c", "3", 0o644 + 2 ** 26 + 2 ** 21],
    ["d", "5", 0o777 + 2 ** 20 + 2 ** 31],
    ["e/f", "0", 0o644],
    ["", "\0", 0],
    ["h", "1", 0o644],
    ["p", "6", 0o644 + 2 ** 25],
    ["s", "2", 0o777 + 2 ** 27],
  ]);
  assert.deepEqual(
    [files[5].linkName, files[7].linkName, files[2].isDir, files[4].isDir],
    ["e/f", "café", true, false],
  );
});

test("report: a layer without history is (missing), a command loses its shell", () => {
  const [known] = imageLayersOf({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [DIFF_ID] },
    history: [{ created_by: "RUN /bin/sh -c x" }],
  });
  assert.ok(known !== undefined);
  assert.equal(diveCommandOf(known), "RUN /bin/sh -c x");
  assert.equal(diveCommandOf({ ...known, history: { created_by: "/bin/sh -c #(nop) CMD" } }), "#(nop) CMD");
  assert.equal(diveCommandOf({ ...known, history: undefined }), "(missing)");
});

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(pairs.map(([key, inner]) => [key, inOrder(inner)]));
}

test("report: equals dive's own for its test image", { skip: archivesAreMissing }, async () => {
  const image = await readArchive("test-docker-image.tar");
  const text = diveReport(image.layers, image.tree, scoreImage(image.tree), {
    layerId: ({ index }) => image.members[index]?.split("/")[0] ?? "",
  });
  // Of the report that dive 0.13's tests keep for this archive: keys sorted, no white space.
  const digest = createHash("sha256")
    .update(JSON.stringify(inOrder(JSON.parse(text))))
    .digest("hex");
  assert.equal(digest, "bfcf7b7ddad1afafa7ee20c63de19935cbcdb67fe8fa60637dbec24caa0abcb4");
});
