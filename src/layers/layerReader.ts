import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { readSync } from "node:fs";
import { openErofs, parseLayerHead } from "#erofs";
import type { ErofsImage, ErofsSource } from "#erofs";
import { readFileRange } from "./fileRange.ts";
import { HEAD_BYTES } from "./layerFile.ts";

/** One layer's own tree and bytes, without mount or privilege. */
export interface LayerReader extends AsyncDisposable {
  readonly image: ErofsImage;
  /** Bytes of a regular file, from `offset` (default 0), at most `length`; in chunks of at most 1 MiB. */
  readFile(nid: number, range?: ByteRange): AsyncIterable<Uint8Array>;
}

export interface ByteRange {
  readonly offset?: number;
  readonly length?: number;
  readonly signal?: AbortSignal;
}

/** Up to here the metadata is read at once: lookups then never wait for a disk. */
const PRELOAD_BYTES = 64 << 20;

/** Opens a layer file. @throws {data_loss} INVALID_EROFS */
export async function openLayerFile(path: string): Promise<LayerReader> {
  const file = await open(path, "r");
  try {
    const image = openErofs(await sourceOf(file));
    return {
      image,
      readFile: (nid, range = {}) => {
        const extent = image.fileExtent(nid);
        const skip = Math.min(range.offset ?? 0, extent.length);
        const length = Math.min(range.length ?? extent.length, extent.length - skip);
        return readFileRange(file, { offset: extent.offset + skip, length, signal: range.signal });
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function sourceOf(file: FileHandle): Promise<ErofsSource> {
  const head = await readAt(file, 0, HEAD_BYTES);
  const { metadataOffset, fileBytes } = parseLayerHead(head);
  const bytes = fileBytes - metadataOffset;
  if (bytes > PRELOAD_BYTES) return { read: (offset, length) => readNow(file.fd, offset, length) };
  const metadata = await readAt(file, metadataOffset, bytes);
  return {
    read: (offset, length) =>
      offset < metadataOffset
        ? head.subarray(offset, offset + length)
        : metadata.subarray(offset - metadataOffset, offset - metadataOffset + length),
  };
}

/** Fewer bytes only at the end of the file. */
async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  for (let got = -1; done < length && got !== 0; done += got) {
    got = (await file.read(bytes, done, length - done, offset + done)).bytesRead;
  }
  return bytes.subarray(0, done);
}

function readNow(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
}
