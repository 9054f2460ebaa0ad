import type { FileHandle } from "node:fs/promises";
import { EngineError, ErrorCode, hasCode, isNotFound } from "#errors";
import { openArchiveInput } from "#images";
import { cleanTarPath, parentOf, TarScanner, toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";
import { contextText, modifiedAt, statMode } from "./archivedEntry.ts";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";

const CHUNK_BYTES = 1 << 20;
const DIRECTORY_MODE = 0o755;

/** Entries of an archive as a context has them: by path, the last of a name; latin1. */
export type ArchivedEntries = ReadonlyMap<string, TarEntry>;

/** Looks for the entries of a tar in bytes as they pass; what is no tar is told by its first block. */
export class ArchiveScan {
  readonly #entries = new Map<string, TarEntry>();
  readonly #scanner: TarScanner;
  #isNone = false;

  constructor() {
    this.#scanner = new TarScanner({
      onEntry: (entry) => {
        const path = cleanTarPath(entry.path);
        // A name that comes again has its place where it comes last.
        this.#entries.delete(path);
        if (path !== "") this.#entries.set(path, entry);
      },
    });
  }

  /** @throws {invalid_argument} INVALID_TAR … for an archive that is damaged further on */
  push(chunk: Uint8Array): void {
    this.#try(() => this.#scanner.push(chunk));
  }

  /** undefined: it is no tar. @throws as `push` */
  finish(): ArchivedEntries | undefined {
    this.#try(() => this.#scanner.finish());
    return this.#isNone ? undefined : this.#entries;
  }

  #try(step: () => void): void {
    if (this.#isNone) return;
    try {
      step();
    } catch (error) {
      if (this.#entries.size > 0 || !isNoArchive(error)) throw error;
      this.#isNone = true;
    }
  }
}

/**
 * Reads what may be a compressed archive; its plain bytes go to the spool. undefined: it is none, as far as its first
 * entry tells. @throws as {@link ArchiveScan}
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  spool: FileHandle,
  signal: AbortSignal,
): Promise<ArchivedEntries | undefined> {
  const scan = new ArchiveScan();
  try {
    for await (const chunk of openArchiveInput(source, signal)) {
      scan.push(chunk);
      await writeAll(spool, chunk);
    }
  } catch (error) {
    if (!isNoArchive(error)) throw error;
    return scan.finish();
  }
  return scan.finish();
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
}

/** What any file may do to a reader of archives. Without the program to unpack it, nobody can say what it is. */
function isNoArchive(error: unknown): boolean {
  if (isNotFound(error)) return false;
  return [ErrorCode.INVALID_TAR, ErrorCode.TAR_TRUNCATED, ErrorCode.INVALID_COMPRESSION].some((code) =>
    hasCode(error, code),
  );
}

/** Sends an archive's entries in the order that contexts want. The directories of all names are there, said or not. */
export async function sendArchive(
  entries: ArchivedEntries,
  spool: FileHandle,
  receiver: ContextReceiver,
): Promise<void> {
  const paths = [...withParents(entries.keys())].sort(byParts);
  const firstNames = new Map<TarEntry, string>();
  let index = 0;
  for (const path of paths) {
    const entry = entries.get(path);
    const content = entry?.type === "hardlink" ? linkTarget(entries, entry) : entry;
    const first = content === undefined ? undefined : firstNames.get(content);
    if (content?.type === "file" && first === undefined) firstNames.set(content, path);
    const isWanted = receiver.entry(toContextEntry(path, content, first));
    if (isWanted && content !== undefined) {
      for await (const chunk of contentOf(spool, content)) {
        receiver.write(index, chunk);
        await receiver.drained();
      }
      receiver.end(index);
    }
    index += 1;
  }
}

function withParents(paths: Iterable<string>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const path of paths) {
    for (let at = path; at !== "" && !all.has(at); at = parentOf(at)) all.add(at);
  }
  return all;
}

/** Depth first: `/` is lower than every other character. latin1 compares as bytes do. */
function byParts(a: string, b: string): number {
  const [left, right] = [a.replaceAll("/", "\0"), b.replaceAll("/", "\0")];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** @throws {invalid_argument} for a link to what is not in the archive, or to itself */
function linkTarget(entries: ArchivedEntries, link: TarEntry): TarEntry {
  let entry: TarEntry | undefined = link;
  for (let steps = 0; entry?.type === "hardlink" && steps <= entries.size; steps += 1) {
    entry = entries.get(cleanTarPath(entry.linkPath));
  }
  if (entry !== undefined && entry.type !== "hardlink" && entry.type !== "directory") return entry;
  const [from, to] = [toDisplayPath(link.path), toDisplayPath(link.linkPath)];
  throw new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_TAR,
    `${from} is a link to ${to}, which is not in the archive`,
  );
}

const NOBODY_MENTIONED = {
  type: "directory",
  mode: DIRECTORY_MODE,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  linkPath: "",
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: undefined,
} as const;

/** `entry` undefined: a directory that nobody mentioned; `first`: where a linked file came before. */
function toContextEntry(path: string, entry: TarEntry | undefined, first: string | undefined): ContextEntry {
  const { type, mode, size, mtimeSeconds, mtimeNanoseconds, linkPath, xattrs, ...others } = entry ?? NOBODY_MENTIONED;
  return {
    path: contextText(path),
    mode: statMode({ type, mode }),
    uid: others.uid,
    gid: others.gid,
    size: type === "file" && first === undefined ? size : 0,
    modifiedAt: modifiedAt({ mtimeSeconds, mtimeNanoseconds }),
    linkname: contextText(type === "symlink" ? linkPath : (first ?? "")),
    deviceMajor: others.deviceMajor,
    deviceMinor: others.deviceMinor,
    xattrs: xattrs ?? new Map(),
  };
}

async function* stored(spool: FileHandle, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length - done));
    const { bytesRead } = await spool.read(buffer, 0, buffer.byteLength, offset + done);
    if (bytesRead === 0) throw new EngineError("data_loss", ErrorCode.TAR_TRUNCATED, "unexpected EOF");
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
}

function* zeros(bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) yield Buffer.alloc(Math.min(CHUNK_BYTES, left));
}

async function* contentOf(spool: FileHandle, entry: TarEntry): AsyncGenerator<Uint8Array> {
  if (entry.sparse === undefined) {
    yield* stored(spool, entry.dataOffset, entry.size);
    return;
  }
  let [at, from] = [0, entry.dataOffset];
  for (const { offset, length } of entry.sparse) {
    yield* zeros(offset - at);
    yield* stored(spool, from, length);
    from += length;
    at = offset + length;
  }
  yield* zeros(entry.size - at);
}
