import { closeSync, constants, openSync, readSync, readdirSync, readlinkSync } from "node:fs";
import { createHash, hash } from "node:crypto";
import { createIgnoreMatcher } from "#dockerfile";
import type { IgnoreMatcher, IgnoreVisit } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import { getXattrs, hasXattrs, openConfined, openEntry, statEntries, statEntry } from "#host";
import type { EntryStat } from "#host";
import { baseNameOf, parentOf, toDisplayPath } from "#tar";
import { HashCache } from "./hashCache.ts";
import type { KnownFile } from "./hashCache.ts";
import { KeptContents } from "./keptContents.ts";
import { ReadAhead } from "./readAhead.ts";
import { resolvePath } from "./resolvePath.ts";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree, SourceType } from "./sourceTree.ts";

export interface DiskTreeOptions {
  /** Absolute path of the root. */
  readonly root: string;
  /** Patterns of what is not there. */
  readonly excludes: readonly string[];
  /** Everything is root's, whoever owns it on disk. */
  readonly ownedByRoot: boolean;
  /** Where digests of unchanged files are kept; undefined: nowhere. */
  readonly hashFile: string | undefined;
  /** A file that changes while it is read is taken as far as it goes; else it is an error, where its digest is known. */
  readonly takesChanges?: true;
}

/** linux/stat.h */
const S_IFMT = 0o170000;
const O_PATH = 0o10000000;
const TYPES: ReadonlyMap<number, SourceType> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
  [0o020000, "char"],
  [0o060000, "block"],
  [0o010000, "fifo"],
  [0o140000, "socket"],
]);
/** Those that {@link ReadAhead} reads from are among the last 48. */
const OPEN_DIRECTORIES = 64;
const CHUNK_BYTES = 1 << 20;
/** What an image keeps; the rest (labels, overlayfs' marks) belongs to the machine. */
const KEPT_XATTRS = /^(?:user\.|security\.capability$|system\.posix_acl_(?:access|default)$)/;

const chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

interface DiskEntry extends SourceEntry {
  readonly stat: EntryStat;
}

/**
 * A directory of this machine. Every directory on the way is opened without following a symlink (openat2), and entries
 * from there: whatever is renamed or linked meanwhile, nothing outside of the root is ever read.
 */
export class DiskTree implements SourceTree {
  readonly #root: number;
  readonly #ownedByRoot: boolean;
  readonly #matcher: IgnoreMatcher;
  readonly #hashes: HashCache;
  readonly #takesChanges: boolean;
  /** Least recently used first. */
  readonly #directories = new Map<string, number>();
  readonly #kept = new KeptContents();
  readonly #visits = new Map<string, IgnoreVisit>();

  constructor(options: DiskTreeOptions) {
    this.#root = openSync(options.root, O_PATH | constants.O_DIRECTORY);
    this.#ownedByRoot = options.ownedByRoot;
    this.#matcher = createIgnoreMatcher(options.excludes);
    this.#hashes = HashCache.open(options.hashFile);
    this.#takesChanges = options.takesChanges === true;
  }

  resolve(path: string): string {
    return resolvePath(path, (at) => {
      const entry = this.find(at);
      return entry?.type === "symlink" ? this.readlink(entry) : undefined;
    });
  }

  find(path: string): DiskEntry | undefined {
    const directory = path === "" ? this.#root : this.#directory(parentOf(path));
    const stat = directory === undefined ? undefined : statEntry(directory, baseNameOf(path));
    if (stat === undefined) return undefined;
    const entry = this.#entry(path, stat);
    return path === "" || this.#isSeen(entry) ? entry : undefined;
  }

  list(directory: SourceEntry): readonly DiskEntry[] {
    const fd = this.#directory(directory.path);
    if (fd === undefined) return [];
    const names = readdirSync(`/proc/self/fd/${fd}`, { encoding: "latin1" }).sort();
    const stats = statEntries(fd, names);
    const entries: DiskEntry[] = [];
    for (const [index, name] of names.entries()) {
      // What went away since is as good as never there.
      const stat = stats[index];
      if (stat === undefined) continue;
      const entry = this.#entry(joinPath(directory.path, name), stat);
      if (this.#isSeen(entry)) entries.push(entry);
    }
    return entries;
  }

  readlink(entry: SourceEntry): string {
    return readlinkSync(this.#place(entry.path), { encoding: "latin1" });
  }

  xattrs(entry: SourceEntry): ReadonlyMap<string, Uint8Array> | undefined {
    if (entry.type === "symlink") return undefined;
    if (entry.type === "file" && this.#hashes.get(entry.path, statOf(entry))?.hasXattrs === false) return undefined;
    const all = [...getXattrs(entry.path === "" ? `/proc/self/fd/${this.#root}/.` : this.#place(entry.path))];
    const kept = all.filter(([name]) => KEPT_XATTRS.test(name));
    return kept.length === 0 ? undefined : new Map(kept);
  }

  async prepare(entries: readonly SourceEntry[], checkStop: () => void): Promise<void> {
    const ahead = new ReadAhead({ kept: this.#kept, open: (path) => this.#directory(path) });
    try {
      for (const entry of entries) {
        const facts = statOf(entry);
        if (!ahead.takes(entry) || this.#hashes.get(entry.path, facts) !== undefined) continue;
        checkStop();
        await ahead.add(entry, ({ stat, ...file }, readAt) => {
          if (isSame(stat, facts)) this.#hashes.put(entry.path, facts, file, readAt);
        });
      }
    } finally {
      // Whatever happens: the directories stay open until nothing is read from them.
      await ahead.finish();
    }
  }

  digest(entry: SourceEntry): string {
    const facts = statOf(entry);
    const known = this.#hashes.get(entry.path, facts);
    if (known !== undefined) return known.digest;
    const readAt = Date.now();
    const { isSteady, ...file } = this.#hash(entry);
    if (isSteady) this.#hashes.put(entry.path, facts, file, readAt);
    return file.digest;
  }

  read(entry: SourceEntry, use: (chunk: Uint8Array) => void): void {
    for (const bytes of this.chunks(entry)) use(bytes);
  }

  *chunks(entry: SourceEntry): Generator<Uint8Array> {
    const kept = this.#kept.get(entry.path);
    if (kept !== undefined) {
      yield kept;
      return;
    }
    const fd = this.#open(entry);
    try {
      const isSteady = yield* readOpen(fd, entry);
      if (!isSteady && !this.#takesChanges) throw changed(entry);
    } finally {
      closeSync(fd);
    }
  }

  settle(): void {
    this.#hashes.save();
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const fd of this.#directories.values()) closeSync(fd);
    this.#directories.clear();
    closeSync(this.#root);
    this.#kept.clear();
    this.#hashes.save();
    return Promise.resolve();
  }

  #hash(entry: SourceEntry): KnownFile & Read {
    const fd = this.#open(entry);
    try {
      const read = entry.size > CHUNK_BYTES ? hashLarge(fd, entry) : this.#hashSmall(fd, entry);
      return { ...read, hasXattrs: hasXattrs(fd) };
    } finally {
      closeSync(fd);
    }
  }

  /** One read, and the bytes stay at hand for the layer that is most likely made next. */
  #hashSmall(fd: number, entry: SourceEntry): Read {
    const target = this.#kept.allocate(entry.size);
    const bytes = target ?? chunk.subarray(0, entry.size);
    for (let at = 0; at < bytes.length; ) {
      const got = readSync(fd, bytes, at, bytes.length - at, null);
      if (got === 0) bytes.fill(0, at);
      at = got === 0 ? bytes.length : at + got;
    }
    if (target !== undefined) this.#kept.set(entry.path, target);
    return { digest: hash("sha256", bytes, "hex"), isSteady: isUnchanged(fd, entry) };
  }

  #open(entry: SourceEntry): number {
    const directory = this.#directory(parentOf(entry.path));
    if (directory === undefined) throw changed(entry);
    return openEntry(directory, baseNameOf(entry.path));
  }

  /** For calls that only take a path: the directory cannot change under it, the last name is not followed by any of them. */
  #place(path: string): Buffer {
    const directory = this.#directory(parentOf(path));
    return Buffer.from(`/proc/self/fd/${directory ?? -1}/${baseNameOf(path)}`, "latin1");
  }

  /** An open directory; undefined when there is none at this path. */
  #directory(path: string): number | undefined {
    if (path === "") return this.#root;
    const known = this.#directories.get(path);
    if (known !== undefined) {
      // The last one, so that those that are read from just now stay.
      this.#directories.delete(path);
      this.#directories.set(path, known);
      return known;
    }
    const fd = this.#openDirectory(path);
    if (fd === undefined) return undefined;
    const oldest = this.#directories.size >= OPEN_DIRECTORIES ? this.#directories.entries().next().value : undefined;
    if (oldest !== undefined) {
      closeSync(oldest[1]);
      this.#directories.delete(oldest[0]);
    }
    this.#directories.set(path, fd);
    return fd;
  }

  #openDirectory(path: string): number | undefined {
    try {
      return openConfined(this.#root, Buffer.from(path, "latin1"), O_PATH | constants.O_DIRECTORY, "beneath");
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  #entry(path: string, stat: EntryStat): DiskEntry {
    const type = TYPES.get(stat.mode & S_IFMT) ?? "socket";
    const names = type === "directory" ? 1 : stat.nlink;
    return {
      path,
      type,
      mode: stat.mode & 0o7777,
      uid: this.#ownedByRoot ? 0 : stat.uid,
      gid: this.#ownedByRoot ? 0 : stat.gid,
      size: type === "file" ? stat.size : 0,
      mtimeSeconds: stat.modifiedSeconds,
      inode:
        names > 1 ? `${stat.filesystemMajor}:${stat.filesystemMinor}:${stat.inodeHigh}:${stat.inodeLow}` : undefined,
      deviceMajor: stat.deviceMajor,
      deviceMinor: stat.deviceMinor,
      stat,
    };
  }

  /** Not ignored, or a directory that holds something that is not. */
  #isSeen(entry: DiskEntry): boolean {
    if (this.#matcher.empty) return true;
    const visit = this.#visit(entry.path, entry.type === "directory");
    if (!visit.ignored) return true;
    if (entry.type !== "directory" || !this.#matcher.mayKeepBelow(toDisplayPath(entry.path), visit)) return false;
    return this.list(entry).length > 0;
  }

  #visit(path: string, isDirectory: boolean): IgnoreVisit {
    const known = this.#visits.get(path);
    if (known !== undefined) return known;
    const parent = parentOf(path);
    const above = parent === "" ? undefined : this.#visit(parent, true);
    const visit = this.#matcher.visit(toDisplayPath(path), above);
    if (isDirectory) this.#visits.set(path, visit);
    return visit;
  }
}

function statOf(entry: SourceEntry): EntryStat {
  if (!("stat" in entry)) throw new TypeError("an entry of another tree");
  // Made by this file only.
  return (entry as DiskEntry).stat;
}

/** All that the entry's size promises: what is missing of it meanwhile is zeros, as in tar. Returns whether it is as it was. */
function* readOpen(fd: number, entry: SourceEntry): Generator<Uint8Array, boolean> {
  let left = entry.size;
  while (left > 0) {
    const wanted = Math.min(left, chunk.length);
    const got = readSync(fd, chunk, 0, wanted, null);
    if (got === 0) chunk.fill(0, 0, wanted);
    yield chunk.subarray(0, got === 0 ? wanted : got);
    left -= got === 0 ? wanted : got;
  }
  return isUnchanged(fd, entry);
}

interface Read {
  /** Of the bytes that were read. */
  readonly digest: string;
  /** The file did not change meanwhile. */
  readonly isSteady: boolean;
}

function hashLarge(fd: number, entry: SourceEntry): Read {
  const sum = createHash("sha256");
  const reading = readOpen(fd, entry);
  let step = reading.next();
  for (; step.done !== true; step = reading.next()) sum.update(step.value);
  return { digest: sum.digest("hex"), isSteady: step.value };
}

/** The same bytes as were hashed: what the step's key says is what goes into the layer. */
function isUnchanged(fd: number, entry: SourceEntry): boolean {
  const now = statEntry(fd, "");
  return now !== undefined && isSame(now, statOf(entry));
}

function isSame(a: EntryStat, b: EntryStat): boolean {
  return (
    a.size === b.size &&
    a.inodeLow === b.inodeLow &&
    a.modifiedNanoseconds === b.modifiedNanoseconds &&
    a.modifiedSeconds === b.modifiedSeconds
  );
}

function isAbsence(error: unknown): boolean {
  const errno = error instanceof EngineError ? error.details?.["errno"] : undefined;
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP";
}

function changed(entry: SourceEntry): EngineError {
  const message = `${toDisplayPath(entry.path)}: changed while the build was reading it`;
  return new EngineError("aborted", ErrorCode.SOURCE_CHANGED, message);
}
