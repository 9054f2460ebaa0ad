import { open, readdir, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { availableParallelism } from "node:os";
import { EngineError, ErrorCode } from "#errors";
import type { LayerRecords } from "#metadata";
import { hexOf } from "#oci";
import type { DiffId } from "#oci";
import { compressLayer, createOutput } from "./compressLayer.ts";
import { syncUnsynced, verifyUnsynced } from "./durability.ts";
import { readFileRange } from "./fileRange.ts";
import { WORKERS_OF_AN_INGEST, ingestBlob } from "./ingestBlob.ts";
import { KeyedLock } from "#host";
import type { LayerInfo } from "./layer.ts";
import { HEAD_BYTES } from "./layerFile.ts";
import { openLayerIndex } from "./layerIndexBytes.ts";
import { toLayerInfo } from "./layerInfo.ts";
import { openLayerFile } from "./layerReader.ts";
import { stackedLayer } from "./layerStack.ts";
import type { LayerStore, ReadTarOptions } from "./layerStore.ts";
import type { MergedView } from "./mergedView.ts";
import { openMergedView } from "./openMergedView.ts";
import { layerPath, removeLayer } from "./publishLayer.ts";
import { createRing, resetRing } from "./ring.ts";
import { Shelf } from "./shelf.ts";
import type { StoreContext } from "./storeContext.ts";
import { openTarWriter } from "./tarWriter.ts";
import { Temporaries } from "./temporaries.ts";
import { WorkerPool } from "./workerPool.ts";
import { writeLayerFile } from "./writeLayerFile.ts";

export interface LayerStoreOptions {
  /** `<data root>/layers`; made when missing. */
  readonly root: string;
  readonly records: LayerRecords;
  /** Bound of one layer's tar, bytes; default 1 TiB. */
  readonly maxTarBytes?: number;
  /** Worker threads at a time; default enough for one compressed layer on every two cores. At least 3; a layer that waits
   * long gets its own beyond that. */
  readonly workers?: number;
}

const DEFAULT_MAX_TAR_BYTES = 2 ** 40;
const MAX_INGESTS = 4;

/** Opens the store and sweeps what a crash left: temporary files, and files or rows that lack their other half. */
export async function openLayerStore(options: LayerStoreOptions): Promise<LayerStore> {
  const ingests = Math.min(MAX_INGESTS, Math.max(1, Math.floor(availableParallelism() / 2)));
  const size = Math.max(WORKERS_OF_AN_INGEST, options.workers ?? ingests * WORKERS_OF_AN_INGEST);
  const store: StoreContext = {
    root: options.root,
    records: options.records,
    pool: new WorkerPool({ size, maxSize: Math.max(size, MAX_INGESTS * WORKERS_OF_AN_INGEST) }),
    rings: new Shelf(createRing, resetRing),
    outputs: new Shelf(createOutput),
    temporaries: new Temporaries(options.root),
    locks: new KeyedLock(),
    maxTarBytes: options.maxTarBytes ?? DEFAULT_MAX_TAR_BYTES,
  };
  await store.temporaries.sweep();
  await sweepHalves(store);
  return createStore(store);
}

function createStore(store: StoreContext): LayerStore {
  const close = async (): Promise<void> => {
    await store.pool.close();
    await store.temporaries.settle();
  };
  return {
    get: (diffId) => infoOf(store, diffId),
    list: () => store.records.list().map(toLayerInfo),
    path: (diffId) => {
      requireLayer(store, diffId);
      return layerPath(store.root, diffId);
    },
    readTar: (diffId, readOptions) => readTar(store, diffId, readOptions),
    openReader: async (diffId) => {
      requireLayer(store, diffId);
      return openLayerFile(layerPath(store.root, diffId));
    },
    openIndex: async (diffId) => {
      requireLayer(store, diffId);
      return openLayerIndex(layerPath(store.root, diffId));
    },
    openView: (diffIds) => openView(store, diffIds),
    ingestBlob: (job) => ingestBlob(store, job),
    ingestTar: (tarOptions = {}) => openTarWriter(store, tarOptions),
    writeLayerFile: (path, tar) => writeLayerFile(store, path, tar),
    compress: (diffId, compressOptions) => compressLayer(store, requireLayer(store, diffId), compressOptions),
    syncUnsynced: () => syncUnsynced(store),
    verifyUnsynced: (signal) => verifyUnsynced(store, signal),
    remove: (diffId) => removeLayer(store, diffId),
    warm: () => store.pool.warm(WORKERS_OF_AN_INGEST),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function infoOf(store: StoreContext, diffId: DiffId): LayerInfo | undefined {
  const record = store.records.get(diffId);
  return record === undefined ? undefined : toLayerInfo(record);
}

function requireLayer(store: StoreContext, diffId: DiffId): LayerInfo {
  const info = infoOf(store, diffId);
  if (info !== undefined) return info;
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} is not in the layer store`);
}

async function openView(store: StoreContext, diffIds: readonly DiffId[]): Promise<MergedView> {
  const infos = diffIds.map((diffId) => requireLayer(store, diffId));
  const opened = await Promise.allSettled(infos.map(({ diffId }) => openLayerFile(layerPath(store.root, diffId))));
  const readers = opened.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = opened.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    throw failed.reason;
  }
  return openMergedView(
    infos.flatMap((info, at) => {
      const reader = readers[at];
      return reader === undefined ? [] : [stackedLayer(reader, info)];
    }),
  );
}

async function* readTar(store: StoreContext, diffId: DiffId, options: ReadTarOptions = {}): AsyncGenerator<Uint8Array> {
  const { tarBytes } = requireLayer(store, diffId);
  const offset = Math.min(options.offset ?? 0, tarBytes);
  await using file: FileHandle = await open(layerPath(store.root, diffId), "r");
  yield* readFileRange(file, { offset: HEAD_BYTES + offset, length: tarBytes - offset, signal: options.signal });
}

async function sweepHalves(store: StoreContext): Promise<void> {
  const rows = new Map(store.records.list().map(({ diffId }) => [hexOf(diffId), diffId]));
  const names = await readdir(store.root, { withFileTypes: true });
  const files = new Set(names.filter((entry) => entry.isFile()).map((entry) => entry.name));
  for (const name of files) if (!rows.has(name)) await rm(join(store.root, name), { force: true });
  for (const [name, diffId] of rows) if (!files.has(name)) store.records.remove(diffId);
}
