import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { EngineError, ErrorCode } from "#errors";
import { parseDigest } from "#oci";
import type { CompressedBlock } from "./jobs.ts";
import type { LayerInfo } from "./layer.ts";
import { HEAD_BYTES } from "./layerFile.ts";
import type { CompressedResult, CompressOptions } from "./layerStore.ts";
import { layerPath } from "./publishLayer.ts";
import { StopFlag } from "./stopFlag.ts";
import type { StoreContext } from "./storeContext.ts";

/**
 * Blocks are compressed apart and stand one behind the other as gzip members (RFC 1952 §2.2) or zstd frames (RFC 8878
 * §3), so that the result never depends on the number of cores. Larger blocks gain less than 0.1 %.
 */
const BLOCK_BYTES = 4 << 20;
/** What cannot be made smaller grows by what wraps it: far less than this with every library. */
const OUTPUT_BYTES = BLOCK_BYTES + (64 << 10);
const DEFAULT_LEVEL = { gzip: 4, zstd: 3 } as const;

/** Room for one compressed block. */
export function createOutput(): SharedArrayBuffer {
  return new SharedArrayBuffer(OUTPUT_BYTES);
}

/** A block that is being compressed. */
interface Pending {
  readonly output: SharedArrayBuffer;
  readonly block: Promise<CompressedBlock>;
  /** Where it ends in the tar. */
  readonly end: number;
}

/** See `LayerReads.compress`. */
export async function compressLayer(
  store: StoreContext,
  layer: LayerInfo,
  options: CompressOptions,
): Promise<CompressedResult> {
  const { signal, write } = options;
  const hash = createHash("sha256");
  let size = 0;
  for await (const { output, block, end } of blocksInOrder(store, layer, options)) {
    const { bytes } = await block;
    throwIfCancelled(signal);
    const chunk = Buffer.from(output, 0, bytes);
    const written = write(chunk, end);
    // Hashed while it is being written; the failure of that is met below.
    written.catch(() => undefined);
    hash.update(chunk);
    await written;
    size += bytes;
  }
  return { digest: parseDigest(`sha256:${hash.digest("hex")}`), size };
}

/** Each block's output is the consumer's until it asks for the next; later blocks are compressed meanwhile. */
async function* blocksInOrder(
  store: StoreContext,
  layer: LayerInfo,
  options: CompressOptions,
): AsyncGenerator<Pending, void, void> {
  const { compression, level = DEFAULT_LEVEL[compression], signal } = options;
  const stop = new StopFlag();
  const cores = Math.min(availableParallelism(), store.pool.size);
  using group = await store.pool.acquire(cores);
  const outputs = Array.from({ length: cores * 2 }, () => store.outputs.take());
  const free = [...outputs];
  const pending: Pending[] = [];
  const start = (output: SharedArrayBuffer, offset: number): void => {
    const length = Math.min(BLOCK_BYTES, layer.tarBytes - offset);
    const path = layerPath(store.root, layer.diffId);
    const place = { path, offset: HEAD_BYTES + offset, length, output };
    const block = group.run({ kind: "compress", ...place, compression, level, stop: stop.cell });
    // Met when its turn comes; until then it must not count as unhandled.
    block.catch(() => undefined);
    pending.push({ output, block, end: offset + length });
  };
  try {
    // An empty tar still makes one block: a compressed stream is never empty.
    for (let offset = 0; ; ) {
      throwIfCancelled(signal);
      for (let output = free.pop(); output !== undefined; output = free.pop()) {
        if (offset > 0 && offset >= layer.tarBytes) break;
        start(output, offset);
        offset += BLOCK_BYTES;
      }
      const next = pending.shift();
      if (next === undefined) return;
      yield next;
      free.push(next.output);
    }
  } finally {
    stop.raise();
    await Promise.allSettled(pending.map(({ block }) => block));
    for (const output of outputs) store.outputs.giveBack(output);
  }
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
}
