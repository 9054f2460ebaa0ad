import { rename } from "node:fs/promises";
import { syncFilesystem } from "#host";
import type { LayerRecord } from "#metadata";
import { algorithmOf, hexOf } from "#oci";
import type { DiffId } from "#oci";
import { completeFile } from "./growingFile.ts";
import { HEAD_BYTES } from "./layerFile.ts";
import { layerPath, removeLayer } from "./publishLayer.ts";
import { StopFlag } from "./stopFlag.ts";
import type { StoreContext } from "./storeContext.ts";
import type { WorkerGroup } from "./workerPool.ts";

/** See `LayerMaintenance.syncUnsynced`. */
export async function syncUnsynced(store: StoreContext): Promise<void> {
  const before = unsynced(store);
  if (before.length === 0) return;
  await syncFilesystem(store.root);
  for (const { diffId } of before) markSynced(store, diffId);
}

/** See `LayerMaintenance.verifyUnsynced`. */
export async function verifyUnsynced(store: StoreContext, signal?: AbortSignal): Promise<readonly DiffId[]> {
  const damaged: DiffId[] = [];
  for (const record of unsynced(store)) {
    signal?.throwIfAborted();
    using group = await store.pool.acquire(2);
    if (await isWhole(store, group, record)) continue;
    await removeLayer(store, record.diffId);
    damaged.push(record.diffId);
  }
  return damaged;
}

function unsynced(store: StoreContext): readonly LayerRecord[] {
  return store.records.list().filter((record) => !record.synced);
}

/** The row may have changed or gone while the disk was busy. */
function markSynced(store: StoreContext, diffId: DiffId): void {
  const record = store.records.get(diffId);
  if (record !== undefined) store.records.put({ ...record, synced: true });
}

async function isWhole(store: StoreContext, group: WorkerGroup, record: LayerRecord): Promise<boolean> {
  const path = layerPath(store.root, record.diffId);
  const algorithm = algorithmOf(record.diffId);
  const stop = new StopFlag().cell;
  try {
    const found = await group.run({ kind: "verify", path, tarBytes: record.tarBytes, algorithm, stop });
    if (found.tarHex !== hexOf(record.diffId)) return false;
    if (found.indexDigest === record.indexDigest && !found.hasSpill) return true;
  } catch {
    // Unreadable, cut short, or no layer file: damaged, and that is the answer.
    return false;
  }
  return rebuild(store, group, record);
}

/** The tar is sound, and everything else in a layer file follows from it. */
async function rebuild(store: StoreContext, group: WorkerGroup, record: LayerRecord): Promise<boolean> {
  const path = layerPath(store.root, record.diffId);
  await using temporary = await store.temporaries.create();
  const indexed = await group.run({
    kind: "index",
    source: { from: "file", file: completeFile(path, record.tarBytes, HEAD_BYTES) },
    path: temporary.path,
    algorithm: algorithmOf(record.diffId),
    maxTarBytes: store.maxTarBytes,
    stop: new StopFlag().cell,
  });
  if (indexed.indexDigest !== record.indexDigest) return false;
  await rename(temporary.path, path);
  return true;
}
