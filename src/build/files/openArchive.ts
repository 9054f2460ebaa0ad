import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { EngineError, ErrorCode, hasCode, isNotFound } from "#errors";
import { TarScanner, toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";
import type { FileContent } from "./layerDraft.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";

/** A local archive that ADD unpacks: its entries, and their bytes in a file without a name. */
export interface OpenedArchive extends Disposable {
  /** In archive order. */
  readonly entries: readonly TarEntry[];
  contentOf(entry: TarEntry): FileContent;
}

const CHUNK_BYTES = 1 << 20;
/** Against archives that are made to fill a disk: so much is unpacked in any case, and so many times the archive's size. */
const MAX_UNPACKED_BYTES = 16 * 2 ** 30;
const MAX_RATIO = 20;

/**
 * Opens what may be an archive: plain tar, or one compressed with gzip, bzip2, xz or zstd; what it is called does not
 * matter. undefined: it is none, as far as its first entry tells.
 * @throws {invalid_argument} INVALID_TAR … for an archive that is damaged further on; {resource_exhausted} LAYER_LIMIT
 */
export async function openArchive(
  tree: SourceTree,
  entry: SourceEntry,
  spoolDirectory: string,
): Promise<OpenedArchive | undefined> {
  if (entry.type !== "file" || entry.size === 0) return undefined;
  const spool = new Spool(spoolDirectory, Math.max(MAX_UNPACKED_BYTES, MAX_RATIO * entry.size), entry.path);
  let archive: OpenedArchive | undefined;
  try {
    archive = await readInto(spool, tree, entry);
    return archive;
  } finally {
    if (archive === undefined) spool[Symbol.dispose]();
  }
}

async function readInto(spool: Spool, tree: SourceTree, entry: SourceEntry): Promise<OpenedArchive | undefined> {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ onEntry: (found) => entries.push(found) });
  // Not before somebody ADDs a file: the room is large, and this thread starts for every build.
  const { openArchiveInput } = await import("#images");
  try {
    for await (const chunk of openArchiveInput(copies(tree, entry))) {
      scanner.push(chunk);
      spool.write(chunk);
    }
    scanner.finish();
  } catch (error) {
    if (entries.length > 0 || !isNoArchive(error)) throw error;
    return undefined;
  }
  if (entries.length === 0) return undefined;
  return { entries, contentOf: (member) => contentOf(spool, member), [Symbol.dispose]: () => spool[Symbol.dispose]() };
}

/** The reader keeps chunks longer than the tree does. */
async function* copies(tree: SourceTree, entry: SourceEntry): AsyncGenerator<Uint8Array> {
  for (const chunk of tree.chunks(entry)) yield Buffer.from(chunk);
}

/** What any file may do to a reader of archives. Without the program to unpack it, nobody can say what it is. */
function isNoArchive(error: unknown): boolean {
  if (isNotFound(error)) return false;
  return [ErrorCode.INVALID_TAR, ErrorCode.TAR_TRUNCATED, ErrorCode.INVALID_COMPRESSION].some((code) =>
    hasCode(error, code),
  );
}

/** Plain bytes of an archive, gone with the thread at the latest. */
class Spool implements Disposable {
  readonly #fd: number;
  readonly #limit: number;
  readonly #name: string;
  #bytes = 0;

  constructor(directory: string, limit: number, name: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, randomUUID());
    this.#fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    this.#limit = limit;
    this.#name = name;
  }

  write(chunk: Uint8Array): void {
    if (this.#bytes + chunk.length > this.#limit) {
      const message = `${toDisplayPath(this.#name)}: the archive unpacks to more than ${this.#limit} bytes`;
      throw new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, message);
    }
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at, chunk.length - at, this.#bytes + at);
    this.#bytes += chunk.length;
  }

  read(offset: number, length: number, use: (chunk: Uint8Array) => void): void {
    const buffer = Buffer.allocUnsafe(Math.min(length, CHUNK_BYTES));
    for (let done = 0; done < length; ) {
      const got = readSync(this.#fd, buffer, 0, Math.min(buffer.length, length - done), offset + done);
      if (got === 0) throw new EngineError("data_loss", ErrorCode.TAR_TRUNCATED, "unexpected EOF");
      use(buffer.subarray(0, got));
      done += got;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function contentOf(spool: Spool, { size, dataOffset, sparse }: TarEntry): FileContent {
  if (sparse === undefined) return { size, read: (use) => spool.read(dataOffset, size, use) };
  return {
    size,
    read(use) {
      let [at, stored] = [0, dataOffset];
      for (const { offset, length } of sparse) {
        writeZeros(offset - at, use);
        spool.read(stored, length, use);
        stored += length;
        at = offset + length;
      }
      writeZeros(size - at, use);
    },
  };
}

function writeZeros(bytes: number, use: (chunk: Uint8Array) => void): void {
  const zeros = Buffer.alloc(Math.min(bytes, CHUNK_BYTES));
  for (let left = bytes; left > 0; left -= zeros.length) use(zeros.subarray(0, Math.min(left, zeros.length)));
}
