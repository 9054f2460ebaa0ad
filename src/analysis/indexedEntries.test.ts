import assert from "node:assert/strict";
import { test } from "node:test";
import { LayerTree, layoutErofs } from "#erofs";
import type { TarEntry } from "#tar";
import { layerEntriesOf } from "./indexedEntries.ts";

const entry = (path: string, type: TarEntry["type"], linkPath = ""): TarEntry => ({
  path,
  type,
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  linkPath,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: undefined,
  dataOffset: 512,
  storedSize: 0,
  sparse: undefined,
});

test("layerEntriesOf: implied directories are marked, hard links into lower layers stand in their place", () => {
  const tree = new LayerTree();
  for (const item of [
    entry("usr/bin/b", "file"),
    entry("usr/bin/a", "hardlink", "usr/bin/old"),
    entry("usr.txt", "file"),
  ])
    tree.add(item);
  const index = tree.finish();
  const { head, metadata } = layoutErofs(index, { tarBytes: 4096, uuid: new Uint8Array(16) });
  const { impliedDirectories, lowerHardlinks } = index;
  const entries = layerEntriesOf({ head, metadata, impliedDirectories, lowerHardlinks });
  assert.deepEqual(
    entries.map(({ path, implied, hardLink, target }) => [path, implied ?? false, hardLink ?? false, target ?? ""]),
    [
      ["usr", true, false, ""],
      ["usr/bin", true, false, ""],
      ["usr/bin/a", false, true, "usr/bin/old"],
      ["usr/bin/b", false, false, ""],
      ["usr.txt", false, false, ""],
    ],
  );
});
