import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { parseLayerHead } from "#erofs";
import { readFileRange } from "./fileRange.ts";
import { HEAD_BYTES } from "./layerFile.ts";

/** A layer's index as its file holds it: {@link INDEX_HEAD_BYTES} of head, then the metadata. */
export interface LayerIndexFile extends AsyncDisposable {
  /** Of head and metadata together. */
  readonly bytes: number;
  /** In chunks of at most 1 MiB that belong to the receiver. */
  read(options?: { readonly signal?: AbortSignal }): AsyncIterable<Uint8Array>;
}

/** Where the head ends and the metadata begins in {@link LayerIndexFile.read}. */
export const INDEX_HEAD_BYTES: number = HEAD_BYTES;

/** Opens the index of a layer file; of its tar nothing is read. The caller disposes it. @throws {data_loss} INVALID_EROFS */
export async function openLayerIndex(path: string): Promise<LayerIndexFile> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    await file.read(head, 0, HEAD_BYTES, 0);
    const { metadataOffset, fileBytes } = parseLayerHead(head);
    const metadata = { offset: metadataOffset, length: fileBytes - metadataOffset };
    return {
      bytes: HEAD_BYTES + metadata.length,
      read: (options = {}) => readIndex(file, head, { ...metadata, signal: options.signal }),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function* readIndex(
  file: FileHandle,
  head: Uint8Array,
  range: Parameters<typeof readFileRange>[1],
): AsyncGenerator<Uint8Array> {
  yield head;
  yield* readFileRange(file, range);
}
