import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";
import { parentOf } from "#tar";
import { listedDigest, listedEntries, listedXattrs, listHeader } from "./contextList.ts";
import type { ContextListBytes, ListedEntry } from "./contextList.ts";
import type { PackedContext } from "./contextDirectory.ts";
import { resolvePath } from "./resolvePath.ts";
import type { SourceEntry, SourceTree, SourceType } from "./sourceTree.ts";

/** linux/stat.h */
const S_IFMT = 0o170000;
const TYPES: ReadonlyMap<number, SourceType> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
  [0o020000, "char"],
  [0o060000, "block"],
  [0o010000, "fifo"],
]);
const CHUNK_BYTES = 1 << 20;
/** Lists that a thread keeps for its next job: the same context comes again and again. */
const MAX_IN_MEMORY = 4;
const MAX_KEPT_ENTRIES = 50_000;

const chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

interface PackedEntry extends SourceEntry {
  readonly offset: number;
  /** Of its record. */
  readonly at: number;
  readonly link: string;
}

interface Index {
  readonly list: ContextListBytes;
  readonly entries: ReadonlyMap<string, PackedEntry>;
  readonly children: ReadonlyMap<string, readonly PackedEntry[]>;
}

/** By path of the list, which never changes; longest unused first. */
const inMemory = new Map<string, Index>();

/** Whose bytes are in `chunk`. */
let windowOwner = 0;
let trees = 0;

/** A received context: digests are in its list, and bytes are read only to make a layer of them. */
export class PackedTree implements SourceTree {
  readonly #id = (trees += 1);
  readonly #index: Index;
  readonly #packPath: string;
  #pack: number | undefined;
  /** What of the pack is in `chunk`. */
  #window = { start: 0, end: 0 };

  constructor({ pack, list }: PackedContext) {
    this.#index = indexOf(list);
    this.#packPath = pack;
  }

  resolve(path: string): string {
    return resolvePath(path, (at) => {
      const entry = this.#index.entries.get(at);
      return entry?.type === "symlink" ? entry.link : undefined;
    });
  }

  find(path: string): SourceEntry | undefined {
    return this.#index.entries.get(path);
  }

  list(directory: SourceEntry): readonly SourceEntry[] {
    return this.#index.children.get(directory.path) ?? [];
  }

  readlink(entry: SourceEntry): string {
    return packedOf(entry).link;
  }

  xattrs(entry: SourceEntry): ReadonlyMap<string, Uint8Array> | undefined {
    const { at } = packedOf(entry);
    return at < 0 ? undefined : listedXattrs(this.#index.list, at);
  }

  /** The digests came with the files. */
  async prepare(): Promise<void> {}

  digest(entry: SourceEntry): string {
    return listedDigest(this.#index.list, packedOf(entry).at);
  }

  read(entry: SourceEntry, use: (chunk: Uint8Array) => void): void {
    for (const bytes of this.chunks(entry)) use(bytes);
  }

  *chunks(entry: SourceEntry): Generator<Uint8Array> {
    const { offset, size } = packedOf(entry);
    for (let done = 0; done < size; ) {
      const bytes = this.#bytesAt(offset + done, size - done);
      yield bytes;
      done += bytes.length;
    }
  }

  settle(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#pack !== undefined) closeSync(this.#pack);
    this.#pack = undefined;
    return Promise.resolve();
  }

  /** Some of the bytes at a place; what lies behind is at hand for the files that follow. */
  #bytesAt(position: number, length: number): Buffer {
    const isNear = position >= this.#window.start && position < this.#window.end;
    // Another tree of this thread reads into the same memory.
    if (!isNear || windowOwner !== this.#id) this.#fill(position);
    const from = position - this.#window.start;
    return chunk.subarray(from, Math.min(from + length, this.#window.end - this.#window.start));
  }

  #fill(position: number): void {
    this.#pack ??= openSync(this.#packPath, "r");
    const got = readSync(this.#pack, chunk, 0, CHUNK_BYTES, position);
    if (got === 0) throw new EngineError("data_loss", ErrorCode.SOURCE_FAILED, "a received context is cut short");
    windowOwner = this.#id;
    this.#window = { start: position, end: position + got };
  }
}

function indexOf(path: string): Index {
  const known = inMemory.get(path);
  inMemory.delete(path);
  const index = known ?? readIndex(path);
  if (index.entries.size <= MAX_KEPT_ENTRIES) inMemory.set(path, index);
  const oldest = inMemory.size > MAX_IN_MEMORY ? inMemory.keys().next().value : undefined;
  if (oldest !== undefined) inMemory.delete(oldest);
  return index;
}

function readIndex(path: string): Index {
  const list = readFileSync(path);
  const header = listHeader(list);
  if (header === undefined)
    throw new EngineError("data_loss", ErrorCode.SOURCE_FAILED, "a received context has no list");
  const root = rootEntry(Math.floor(header.madeAt / 1000));
  const entries = new Map<string, LinkableEntry>([["", root]]);
  const children = new Map<string, PackedEntry[]>();
  for (const listed of listedEntries(list)) {
    const entry = toEntry(listed, entries);
    if (entry === undefined) continue;
    entries.set(entry.path, entry);
    const parent = parentOf(entry.path);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [entry]);
    else siblings.push(entry);
  }
  return { list, entries, children };
}

/** Its inode is known when another name of it comes. */
interface LinkableEntry extends Omit<PackedEntry, "inode"> {
  inode: string | undefined;
}

/** undefined: nothing that could be copied. */
function toEntry(listed: ListedEntry, known: ReadonlyMap<string, LinkableEntry>): LinkableEntry | undefined {
  const type = TYPES.get(listed.mode & S_IFMT);
  if (type === undefined) return undefined;
  const first = type === "file" && listed.link !== "" ? known.get(listed.link) : undefined;
  if (first !== undefined) {
    first.inode ??= first.path;
    return { ...first, path: listed.path };
  }
  const { path, uid, gid, mtimeSeconds, deviceMajor, deviceMinor, offset, at, link } = listed;
  const size = type === "file" ? listed.size : 0;
  return {
    path,
    type,
    mode: listed.mode & 0o7777,
    uid,
    gid,
    size,
    mtimeSeconds,
    inode: undefined,
    deviceMajor,
    deviceMinor,
    offset,
    at,
    link,
  };
}

function rootEntry(mtimeSeconds: number): LinkableEntry {
  return {
    path: "",
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds,
    inode: undefined,
    deviceMajor: 0,
    deviceMinor: 0,
    offset: -1,
    at: -1,
    link: "",
  };
}

function packedOf(entry: SourceEntry): PackedEntry {
  if (!("offset" in entry)) throw new TypeError("an entry of another tree");
  // Made by this file only.
  return entry as PackedEntry;
}
