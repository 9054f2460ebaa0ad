import { access, rename } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "#oci";
import type { DiffId } from "#oci";
import type { HashAlgorithm, IndexedTar } from "./jobs.ts";
import type { LayerInfo } from "./layer.ts";
import { toLayerInfo, toLayerRecord } from "./layerInfo.ts";
import type { StoreContext } from "./storeContext.ts";

export function layerPath(root: string, diffId: DiffId): string {
  return join(root, hexOf(diffId));
}

/**
 * Makes a finished, verified layer file visible: rename, then row. When the layer is here already the file that is
 * mounted, or may be, stays and the new one is left to its owner.
 */
export function publishLayer(
  store: StoreContext,
  temporary: string,
  indexed: IndexedTar,
  algorithm: HashAlgorithm,
): Promise<LayerInfo> {
  const record = toLayerRecord(indexed, algorithm);
  const path = layerPath(store.root, record.diffId);
  return store.locks.run(record.diffId, async () => {
    const known = store.records.get(record.diffId);
    if (known !== undefined && (await exists(path))) return toLayerInfo(known);
    await rename(temporary, path);
    store.records.put(record);
    return toLayerInfo(record);
  });
}

/** Row first: a file without a row is swept at the next start, a row without a file would be a lie. */
export function removeLayer(store: StoreContext, diffId: DiffId): Promise<void> {
  // At once, not when the lock comes: GC must hide a layer in the same step that found nobody holding it.
  store.records.remove(diffId);
  return store.locks.run(diffId, async () => {
    store.records.remove(diffId);
    await store.temporaries.discard(layerPath(store.root, diffId));
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
