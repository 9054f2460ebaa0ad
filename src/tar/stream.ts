import { TAR_END, encodeTarHeader, tarPadding } from "./encode.ts";
import type { TarHeader } from "./encode.ts";
import type { SparseExtent, TarEntry, TarLimits } from "./entry.ts";
import { TarScanner } from "./scanner.ts";
import { invalidTar, truncatedTar } from "./tarError.ts";

type Source<T> = AsyncIterable<T> | Iterable<T>;

/** An entry of a tar that is being read. */
export interface TarMember {
  readonly entry: TarEntry;
  /** `entry.size` bytes, holes of a sparse file as zeros. Can be read once, and only until the next member is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** An entry to be written; `body` must give just `header.size` bytes. */
export interface TarMemberSource {
  readonly header: TarHeader;
  readonly body?: Source<Uint8Array>;
}

const ZEROS: Uint8Array = new Uint8Array(64 * 1024);

/**
 * The members of a tar as its bytes arrive. Bodies that are not read are stepped over. The source is read to its end,
 * also past the end-of-archive blocks, so that a pipe's writer never sees it closed.
 *
 * @throws {invalid_argument} INVALID_TAR, TAR_TRUNCATED
 * @throws {resource_exhausted} TAR_LIMIT
 */
export async function* readTarStream(
  source: Source<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarMember, void, void> {
  const reader = new MemberReader(source, limits);
  try {
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
      yield { entry, body: reader.body(entry) };
    }
  } finally {
    await reader.close();
  }
}

/** Holds one chunk of the source, and the entries whose headers ended in it. */
class MemberReader {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #scanner: TarScanner;
  #entries: TarEntry[] = [];
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: Source<Uint8Array>, limits: Partial<TarLimits>) {
    this.#chunks = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#scanner = new TarScanner({ limits, onEntry: (entry) => this.#entries.push(entry) });
  }

  async next(): Promise<TarEntry | undefined> {
    while (this.#entries.length === 0) {
      if (!(await this.#pull())) return undefined;
    }
    return this.#entries.shift();
  }

  async *body(entry: TarEntry): AsyncGenerator<Uint8Array, void, void> {
    const stored = this.#stored(entry.dataOffset, entry.storedSize);
    yield* entry.sparse === undefined ? stored : expandSparse(stored, entry.sparse, entry.size);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async *#stored(start: number, size: number): AsyncGenerator<Uint8Array, void, void> {
    const end = start + size;
    for (let at = start; at < end; ) {
      const chunkStart = this.#scanner.position - this.#chunk.length;
      if (at < chunkStart) throw new Error("the body of a tar member was read after the next one");
      const part = this.#chunk.subarray(at - chunkStart, end - chunkStart);
      at += part.length;
      if (part.length > 0) yield part;
      else if (!(await this.#pull())) throw truncatedTar("the data of a file");
    }
  }

  async #pull(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) {
      this.#scanner.finish();
      return false;
    }
    this.#chunk = value;
    this.#scanner.push(value);
    return true;
  }
}

/**
 * The bytes of a sparse file as a reader sees them, of the stored ones: holes as zeros.
 * @throws {invalid_argument} INVALID_TAR when more bytes are stored than the map has place for
 */
export async function* expandSparse(
  stored: AsyncIterable<Uint8Array>,
  extents: readonly SparseExtent[],
  size: number,
): AsyncGenerator<Uint8Array, void, void> {
  let at = 0;
  let index = 0;
  for await (const chunk of stored) {
    for (let used = 0; used < chunk.length; ) {
      const extent = extents[index];
      if (extent === undefined) throw invalidTar("a sparse map does not match the stored bytes");
      if (at < extent.offset) yield* zeros(extent.offset - at);
      at = Math.max(at, extent.offset);
      const part = chunk.subarray(used, used + extent.offset + extent.length - at);
      yield part;
      used += part.length;
      at += part.length;
      if (at === extent.offset + extent.length) index += 1;
    }
  }
  yield* zeros(size - at);
}

function* zeros(count: number): Generator<Uint8Array, void, void> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
}

/**
 * A whole tar: headers, bodies, padding and the end-of-archive blocks, in the order given.
 * @throws {invalid_argument} INVALID_TAR when a body is longer or shorter than its header says
 */
export async function* writeTarStream(members: Source<TarMemberSource>): AsyncGenerator<Uint8Array, void, void> {
  for await (const { header, body } of members) {
    yield encodeTarHeader(header);
    const size = header.type === "file" ? (header.size ?? 0) : 0;
    let written = 0;
    for await (const chunk of body ?? []) {
      written += chunk.length;
      if (written > size) break;
      yield chunk;
    }
    if (written !== size) throw invalidTar(`the body of ${JSON.stringify(header.path)} is not ${size} bytes long`);
    yield tarPadding(size);
  }
  yield TAR_END;
}
