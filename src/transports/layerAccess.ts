import type { LayerEntry } from "#analysis";
import type { TreeData } from "#erofs";
import { EngineError, ErrorCode } from "#errors";
import type { DiffId } from "#oci";
import { expandSparse, toDisplayPath } from "#tar";
import { MAGIC_BYTES, compressionOfSpan, inflate, sniffCompression } from "./compression.ts";
import { readSpan, throwIfAborted } from "./fileSpan.ts";
import type { FileSpan } from "./fileSpan.ts";
import { readChunks, readStargz } from "./estargz.ts";
import type { LayerBytes } from "./layerBytes.ts";
import { DigestCheck, LayerScan, inLayer, scanHeaders } from "./scanLayer.ts";
import type { ScannedLayer } from "./scanLayer.ts";
import { SharedWork } from "./sharedWork.ts";
import type { TemporaryFile, TemporaryFiles } from "./temporaryFiles.ts";

export interface LayerRules {
  readonly temporaries: TemporaryFiles;
  /** False: an uncompressed layer in a file is read by its headers only, an eStargz layer by its table; the layer's digest is not checked. */
  readonly verify: boolean;
  /** Bytes of one uncompressed layer. */
  readonly maxLayerBytes: number;
}

/**
 * One layer, read on demand and never unpacked. Its entries come from one pass over the bytes. A file's bytes are read at their
 * place in the plain tar: in the archive itself where it is uncompressed, else in an inflated copy without a name that the first
 * reader of a file makes (a package database has hundreds of files: inflating for each would take a pass each). Where the
 * copy would break the bound of temporary files, each file is inflated up to and read from the stream.
 */
export class LayerAccess {
  readonly #index: number;
  readonly #diffId: DiffId;
  readonly #bytes: LayerBytes;
  readonly #rules: LayerRules;
  readonly #scan: SharedWork<ScannedLayer>;
  readonly #plain: SharedWork<FileSpan | undefined>;
  /** A registry's blob, kept as it came, so that it is not fetched for each file. */
  #fetched: TemporaryFile | undefined;

  constructor(layer: { readonly index: number; readonly diffId: DiffId }, bytes: LayerBytes, rules: LayerRules) {
    this.#index = layer.index;
    this.#diffId = layer.diffId;
    this.#bytes = bytes;
    this.#rules = rules;
    this.#scan = new SharedWork((signal) => this.#named(() => this.#scanLayer(signal)));
    this.#plain = new SharedWork((signal) => this.#named(() => this.#makePlain(signal)));
  }

  async entries(signal?: AbortSignal): Promise<readonly LayerEntry[]> {
    return (await this.#scan.get(signal)).entries;
  }

  /** What a name of this layer is for files: here, a file of lower layers under another name, or none. */
  async find(path: string, signal?: AbortSignal): Promise<"here" | { readonly below: string } | "hidden" | "absent"> {
    const { files, lowerHardlinks, entries } = await this.#scan.get(signal);
    if (files.has(path)) return "here";
    const below = lowerHardlinks.get(path);
    if (below !== undefined) return { below };
    return entries.some((entry) => hides(entry, path)) ? "hidden" : "absent";
  }

  async *readFile(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { files, chunks } = await this.#scan.get(signal);
    const data = files.get(path);
    if (data === undefined) throw noSuchFile(path, this.#index);
    if (data.size === 0) return;
    if (chunks !== undefined) {
      yield* readChunks(this.#bytes, chunks[data.offset] ?? [], signal);
      return;
    }
    const plain = await this.#plain.get(signal);
    const stored = this.#stored(plain, data, signal);
    yield* data.sparse === undefined ? stored : expandSparse(stored, data.sparse, data.size);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#scan.stop(), this.#plain.stop()]);
  }

  async #named<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw inLayer(error, this.#index);
    }
  }

  #stored(plain: FileSpan | undefined, data: TreeData, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const length = (data.sparse ?? [{ length: data.size }]).reduce((sum, extent) => sum + extent.length, 0);
    if (plain !== undefined) return readSpan(plain, { offset: data.offset, length, signal });
    return this.#slice(data.offset, length, signal);
  }

  /** Reads the whole tar up to the last byte that is wanted. */
  async *#slice(offset: number, length: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    await using plain = await this.#openPlain(signal);
    yield* slice(plain.chunks, offset, length);
  }

  async #scanLayer(signal: AbortSignal): Promise<ScannedLayer> {
    const { span } = this.#bytes;
    const scan = new LayerScan();
    const indexed = this.#rules.verify ? undefined : await readStargz(this.#bytes, signal);
    if (indexed !== undefined) return indexed;
    if (span !== undefined && !this.#rules.verify && (await compressionOfSpan(span)) === "none") {
      await scanHeaders(span, scan.scanner, signal);
      return scan.finish();
    }
    await using plain = await this.#openPlain(signal);
    // An uncompressed blob whose digest is the diffID is hashed once.
    const isSame = plain.compression === "none" && this.#bytes.descriptor?.digest === (this.#diffId as string);
    const check = isSame ? undefined : new DigestCheck(this.#diffId);
    for await (const chunk of plain.chunks) {
      throwIfAborted(signal);
      check?.update(chunk);
      scan.scanner.push(chunk);
    }
    check?.finishDiffId(this.#index);
    return scan.finish();
  }

  /** undefined when it would be too large. */
  async #makePlain(signal: AbortSignal): Promise<FileSpan | undefined> {
    const stored = this.#span;
    if (stored !== undefined && (await compressionOfSpan(stored)) === "none") return stored;
    const file = await this.#rules.temporaries.create();
    await using plain = await this.#openPlain(signal);
    for await (const chunk of plain.chunks) {
      throwIfAborted(signal);
      if (!(await file.append(chunk))) return undefined;
    }
    return file.span;
  }

  get #span(): FileSpan | undefined {
    return this.#bytes.span ?? this.#fetched?.span;
  }

  /** The plain tar from its start. */
  async #openPlain(signal?: AbortSignal): Promise<PlainTar> {
    const source = this.#checked(signal);
    const close = async (): Promise<void> => void (await source.return());
    try {
      const head = await headOf(source);
      const compression = sniffCompression(head);
      const stored = behind(head, source);
      const chunks = compression === "none" ? stored : inflate(stored, compression);
      return { compression, chunks: bounded(chunks, source, this.#rules.maxLayerBytes), [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** The stored bytes, held to their descriptor, and kept if they came from afar. */
  async *#checked(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const kept = this.#fetched;
    if (kept !== undefined) {
      yield* readSpan(kept.span, { signal });
      return;
    }
    const { descriptor, span } = this.#bytes;
    const check = descriptor === undefined ? undefined : new DigestCheck(descriptor.digest);
    let copy = span === undefined ? await this.#rules.temporaries.create() : undefined;
    try {
      for await (const chunk of this.#bytes.open(signal)) {
        check?.update(chunk);
        if (copy !== undefined && !(await copy.append(chunk))) copy = undefined;
        yield chunk;
      }
      if (descriptor !== undefined) check?.finishBlob(descriptor);
      this.#fetched ??= copy;
    } finally {
      if (copy !== this.#fetched) await copy?.[Symbol.asyncDispose]();
    }
  }
}

/** True for what is at the path, hides it, or hides a directory above it. */
function hides({ path, type, opaque }: LayerEntry, wanted: string): boolean {
  if (path === wanted) return true;
  return wanted.startsWith(`${path}/`) && (type !== "directory" || opaque === true);
}

type Chunks = AsyncGenerator<Uint8Array, void, void>;

/** A layer's plain bytes; disposing it stops their source. */
interface PlainTar extends AsyncDisposable {
  readonly compression: "none" | "gzip" | "zstd";
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Enough bytes to tell a compression, if there are so many. */
async function headOf(source: Chunks): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < MAGIC_BYTES) {
    const step = await source.next();
    if (step.done === true) break;
    head = Buffer.concat([head, step.value]);
  }
  return head;
}

/** Its end does not end the source: there may be padding behind what a decompressor reads. */
async function* behind(head: Uint8Array, source: Chunks): Chunks {
  if (head.length > 0) yield head;
  for (let step = await source.next(); step.done !== true; step = await source.next()) yield step.value;
}

async function* bounded(chunks: AsyncIterable<Uint8Array>, source: Chunks, maxBytes: number): Chunks {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
  // The blob's digest is of all its bytes.
  for (let step = await source.next(); step.done !== true; step = await source.next());
}

/** Stops reading the source behind the last byte that is wanted. */
async function* slice(
  source: AsyncIterable<Uint8Array>,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array, void, void> {
  let position = 0;
  for await (const chunk of source) {
    const part = chunk.subarray(Math.max(0, offset - position), Math.max(0, offset + length - position));
    position += chunk.length;
    if (part.length > 0) yield part;
    if (position >= offset + length) return;
  }
}

export function noSuchFile(path: string, index: number): EngineError {
  const message = `layer ${index} has no regular file ${JSON.stringify(toDisplayPath(path))}`;
  return new EngineError("not_found", ErrorCode.FILE_NOT_FOUND, message);
}

function tooLarge(limit: number): EngineError {
  return new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, `refused: its tar is larger than ${limit} bytes`);
}
