import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hexOf } from "#oci";
import { openFilesTestbed } from "./filesTestbed.ts";
import { sweepHashes } from "./sweepHashes.ts";

test("remembered digests: those of layers that are gone go, those of old directories, too", async (t) => {
  const { layers, add, directory } = await openFilesTestbed(t);
  const diffId = await add({ path: "a", type: "file" });
  const hashes = join(directory, "hashes");
  mkdirSync(hashes);
  const kept = `layer-${hexOf(diffId)}`;
  for (const name of [kept, `layer-${"0".repeat(64)}`, "old", "new"]) writeFileSync(join(hashes, name), "");
  utimesSync(join(hashes, "old"), 1, 1);
  await sweepHashes(hashes, layers, Date.now());
  assert.deepEqual(readdirSync(hashes).sort(), [kept, "new"]);
  await sweepHashes(join(directory, "none"), layers, Date.now());
});
