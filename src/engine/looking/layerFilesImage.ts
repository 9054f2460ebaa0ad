import { closeSync, openSync, readSync } from "node:fs";
import { layerEntriesOf } from "#analysis";
import type { LayerEntry, OpenImage } from "#analysis";
import type { ErofsImage, FileExtent } from "#erofs";
import { EngineError, ErrorCode } from "#errors";
import { INDEX_HEAD_BYTES, openLayerFile, openLayerIndex } from "#layers";
import type { LayerFileOfStack } from "#layers";
import { parseImageConfig } from "#oci";
import { toDisplayPath } from "#tar";
import type { ImageParts } from "./lookJobs.ts";

/** A layer file stays open this long for the next file of it: a tree of files is read one after the other. */
const LINGER_MS = 1000;
const CHUNK_BYTES = 1 << 20;

interface OpenLayer extends AsyncDisposable {
  readonly image: ErofsImage;
  readonly fd: number;
}

async function openLayer(path: string): Promise<OpenLayer> {
  const reader = await openLayerFile(path);
  const fd = openSync(path, "r");
  const close = async (): Promise<void> => {
    closeSync(fd);
    await reader[Symbol.asyncDispose]();
  };
  return { image: reader.image, fd, [Symbol.asyncDispose]: close };
}

/** Layer files that are open while something of them is read, and a moment longer. */
class OpenLayers {
  readonly #files: readonly LayerFileOfStack[];
  readonly #open = new Map<number, Promise<OpenLayer>>();
  readonly #users = new Map<number, number>();

  constructor(files: readonly LayerFileOfStack[]) {
    this.#files = files;
  }

  async *read(index: number, path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    this.#count(index, 1);
    try {
      const known = this.#open.get(index) ?? openLayer(fileOf(this.#files, index).path);
      this.#open.set(index, known);
      const { image, fd } = await known;
      const extent = image.fileExtent(nidOf(image, index, path));
      for (const chunk of readNow(fd, extent)) {
        signal?.throwIfAborted();
        yield chunk;
      }
    } finally {
      if (this.#count(index, -1) === 0) setTimeout(() => void this.#close(index), LINGER_MS).unref();
    }
  }

  #count(index: number, change: number): number {
    const count = (this.#users.get(index) ?? 0) + change;
    this.#users.set(index, count);
    return count;
  }

  async #close(index: number): Promise<void> {
    const opened = this.#open.get(index);
    if (this.#users.get(index) !== 0 || opened === undefined) return;
    this.#open.delete(index);
    // Where opening failed there is nothing to close.
    const layer = await opened.catch(() => undefined);
    await layer?.[Symbol.asyncDispose]();
  }
}

/** Synchronous, since this thread has nothing else to do: four times as fast for trees of small files. */
function* readNow(fd: number, { offset, length }: FileExtent): Generator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length - done));
    const got = readSync(fd, bytes, 0, bytes.length, offset + done);
    if (got === 0) throw new EngineError("data_loss", ErrorCode.INVALID_EROFS, "a layer file is cut short");
    done += got;
    yield got === bytes.length ? bytes : bytes.subarray(0, got);
  }
}

/** An image by its layer files, for threads that have no store. Closes by itself what it opened. */
export function openLayerFilesImage(parts: ImageParts): OpenImage {
  const { name, imageId, manifestDigest, rawConfig, layers, files } = parts;
  const entries = new Map<number, Promise<readonly LayerEntry[]>>();
  const open = new OpenLayers(files);
  return {
    name,
    imageId,
    manifestDigest,
    rawConfig,
    config: parseImageConfig(rawConfig),
    layers,
    readLayer(index) {
      const known = entries.get(index);
      if (known !== undefined) return known;
      const read = readEntries(fileOf(files, index));
      entries.set(index, read);
      return read;
    },
    readFile: (index, path, options = {}) => open.read(index, path, options.signal),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function fileOf(files: readonly LayerFileOfStack[], index: number): LayerFileOfStack {
  const file = files[index];
  if (file === undefined) throw new RangeError(`no layer ${index}`);
  return file;
}

export async function readEntries({ path, info }: LayerFileOfStack): Promise<readonly LayerEntry[]> {
  await using index = await openLayerIndex(path);
  const chunks: Uint8Array[] = [];
  for await (const chunk of index.read()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const head = bytes.subarray(0, INDEX_HEAD_BYTES);
  return layerEntriesOf({ ...info, head, metadata: bytes.subarray(INDEX_HEAD_BYTES) });
}

function nidOf(image: ErofsImage, index: number, path: string): number {
  const nid = image.lookup(path);
  if (nid !== undefined && image.stat(nid).type === "file") return nid;
  const message = `${toDisplayPath(path) || "/"}: layer ${index} has no such file`;
  throw new EngineError("not_found", ErrorCode.CONTAINER_FILE, message);
}
