/** Needs root: mounts a small tmpfs as the layer store's filesystem. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "#errors";
import { openLayerStore } from "#layers";
import { openMetadata } from "#metadata";
import { TAR_END, encodeTarHeader } from "#tar";

const NOT_ROOT = process.getuid?.() === 0 ? false : "needs root";

function tarOfSize(bytes: number): Buffer {
  const header = encodeTarHeader({ path: "f", type: "file", mode: 0o644, size: bytes });
  return Buffer.concat([header, Buffer.alloc(bytes, "x"), TAR_END]);
}

test("layers: a full disk is told, leaves nothing, and the store works on", { skip: NOT_ROOT }, async (t) => {
  const place = mkdtempSync(join(tmpdir(), "varve-full-"));
  const root = join(place, "layers");
  execFileSync("mkdir", [root]);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", root]);
  t.after(() => {
    execFileSync("umount", [root]);
    rmSync(place, { recursive: true });
  });
  using metadata = openMetadata(join(place, "varve.db"));
  await using store = await openLayerStore({ root, records: metadata.layers });
  {
    await using writer = await store.ingestTar();
    await assert.rejects(
      async () => {
        await writer.write(tarOfSize(8 << 20));
        await writer.commit();
      },
      (error) => hasCode(error, "NO_SPACE"),
    );
  }
  assert.deepEqual(readdirSync(join(root, "tmp")), []);
  await using writer = await store.ingestTar();
  await writer.write(tarOfSize(1 << 20));
  const { layer } = await writer.commit();
  assert.equal(store.list().length, 1);
  assert.equal(layer.contentBytes, 1 << 20);
});
