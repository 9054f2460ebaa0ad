import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { EngineError, ErrorCode } from "#errors";
import { parseDigest } from "#oci";
import type { CompressedBlock } from "./jobs.ts";
import type { LayerInfo } from "./layer.ts";
import { HEAD_BYTES } from "./layerFile.ts";
import type { CompressedResult, CompressedStream, CompressOptions } from "./layerStore.ts";
import { layerPath } from "./publishLayer.ts";
import { StopFlag } from "./stopFlag.ts";
import type { StoreContext } from "./storeContext.ts";
import type { WorkerGroup } from "./workerPool.ts";

/**
 * Blocks are compressed apart and stand one behind the other as gzip members (RFC 1952 §2.2) or zstd frames (RFC 8878
 * §3), so that the result never depends on the number of cores. Larger blocks gain less than 0.1 %.
 */
const BLOCK_BYTES = 4 << 20;
const DEFAULT_LEVEL = { gzip: 4, zstd: 3 } as const;

/** See `LayerReads.compress`. */
export function compressLayer(store: StoreContext, layer: LayerInfo, options: CompressOptions): CompressedStream {
  const { promise, resolve, reject } = Promise.withResolvers<CompressedResult>();
  // Who only iterates hears of a failure there.
  promise.catch(() => undefined);
  let started = false;
  return {
    result: promise,
    [Symbol.asyncIterator]() {
      if (started) throw new Error("a compressed layer can be iterated once");
      started = true;
      return settle(compressedBlocks(store, layer, options), { resolve, reject });
    },
  };
}

interface Settle {
  readonly resolve: (result: CompressedResult) => void;
  readonly reject: (error: unknown) => void;
}

async function* settle(blocks: AsyncIterable<Uint8Array>, outcome: Settle): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  let failure: unknown = new EngineError(
    "cancelled",
    ErrorCode.CANCELLED,
    "the compressed layer was not read to its end",
  );
  try {
    for await (const block of blocks) {
      hash.update(block);
      size += block.length;
      yield block;
    }
    outcome.resolve({ digest: parseDigest(`sha256:${hash.digest("hex")}`), size });
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    outcome.reject(failure);
  }
}

async function* compressedBlocks(
  store: StoreContext,
  layer: LayerInfo,
  options: CompressOptions,
): AsyncGenerator<Uint8Array> {
  const stop = new StopFlag();
  using group = await store.pool.acquire(Math.min(availableParallelism(), store.pool.size));
  const queue: Promise<CompressedBlock>[] = [];
  const ahead = availableParallelism() * 2;
  let offset = 0;
  try {
    for (;;) {
      options.signal?.throwIfAborted();
      // An empty tar still makes one block: a compressed stream is never empty.
      while (queue.length < ahead && (offset < layer.tarBytes || offset === 0)) {
        queue.push(startBlock(store, group, { layer, options, offset, stop }));
        offset += BLOCK_BYTES;
      }
      const next = queue.shift();
      if (next === undefined) return;
      yield (await next).bytes;
    }
  } finally {
    stop.raise();
    await Promise.allSettled(queue);
  }
}

interface BlockStart {
  readonly layer: LayerInfo;
  readonly options: CompressOptions;
  readonly offset: number;
  readonly stop: StopFlag;
}

function startBlock(
  store: StoreContext,
  group: WorkerGroup,
  { layer, options, offset, stop }: BlockStart,
): Promise<CompressedBlock> {
  const { compression, level = DEFAULT_LEVEL[compression] } = options;
  const block = group.run({
    kind: "compress",
    path: layerPath(store.root, layer.diffId),
    offset: HEAD_BYTES + offset,
    length: Math.min(BLOCK_BYTES, layer.tarBytes - offset),
    compression,
    level,
    stop: stop.cell,
  });
  // Met when its turn comes; until then it must not count as unhandled.
  block.catch(() => undefined);
  return block;
}
