import { hash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** What tells that a file's bytes are still those that were hashed. */
export interface FileFacts {
  readonly size: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
  readonly changedSeconds: number;
  readonly changedNanoseconds: number;
}

/** What was found when a file was read. */
export interface KnownFile {
  /** sha256, hex */
  readonly digest: string;
  /** Extended attributes that an image keeps. */
  readonly hasXattrs: boolean;
}

interface Row extends KnownFile {
  readonly facts: FileFacts;
  /** Nothing can have changed within the same tick of the filesystem's clock: may be used by later builds. */
  readonly isSettled: boolean;
}

const MAGIC = "varve hashes 2\n";
const DIGEST_BYTES = 32;
const FACTS_BYTES = 40;
const FIXED_BYTES = 3 + FACTS_BYTES + DIGEST_BYTES;
/** Coarse clocks give one time to all that happens within a tick: a file that has only just changed may do so again unseen. */
const SETTLED_MS = 50;
/** A cache beyond that is started anew. */
const MAX_ENTRIES = 2_000_000;
/** Caches that a thread keeps in memory for its next job. */
const MAX_IN_MEMORY = 16;

/** By path of the cache's file, longest unused first. */
const inMemory = new Map<string, HashCache>();

/**
 * Digests of files by path, size, inode, mtime and ctime (which nobody can set back), kept in one file for each source
 * directory, so that unchanged files are never read again. The file is only a hint: damaged or missing, files are read.
 */
export class HashCache {
  readonly #path: string | undefined;
  readonly #known: Map<string, Row>;
  /** Of the file as it was read or written last: somebody else may have written it since. */
  #stamp: string;
  #isDirty = false;

  static open(path: string | undefined): HashCache {
    if (path === undefined) return new HashCache(path, new Map(), "");
    const stamp = stampOf(path);
    const known = inMemory.get(path);
    inMemory.delete(path);
    const cache = known !== undefined && known.#stamp === stamp ? known : new HashCache(path, load(path), stamp);
    inMemory.set(path, cache);
    const oldest = inMemory.size > MAX_IN_MEMORY ? inMemory.keys().next().value : undefined;
    if (oldest !== undefined) inMemory.delete(oldest);
    return cache;
  }

  private constructor(path: string | undefined, known: Map<string, Row>, stamp: string) {
    this.#path = path;
    this.#known = known;
    this.#stamp = stamp;
  }

  get(path: string, facts: FileFacts): KnownFile | undefined {
    const row = this.#known.get(path);
    return row !== undefined && isSame(row.facts, facts) ? row : undefined;
  }

  /** `readAt`: when its reading began, `Date.now()`. */
  put(path: string, facts: FileFacts, { digest, hasXattrs }: KnownFile, readAt: number = Date.now()): void {
    const newest = Math.max(
      facts.changedSeconds * 1000 + facts.changedNanoseconds / 1e6,
      facts.modifiedSeconds * 1000 + facts.modifiedNanoseconds / 1e6,
    );
    const isSettled = readAt - newest >= SETTLED_MS;
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    this.#known.set(path, { facts, digest, hasXattrs, isSettled });
    this.#isDirty = true;
  }

  /** Ends a job. Not flushed to disk: a torn file fails its checksum. */
  save(): void {
    if (this.#path === undefined || !this.#isDirty) return;
    this.#isDirty = false;
    for (const [path, row] of this.#known) if (!row.isSettled) this.#known.delete(path);
    const temporary = `${this.#path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, encode(this.#known), { mode: 0o600 });
      renameSync(temporary, this.#path);
      this.#stamp = stampOf(this.#path);
    } catch {
      // Without room for it the next build reads the files again.
      rmSync(temporary, { force: true });
    }
  }
}

function isSame(a: FileFacts, b: FileFacts): boolean {
  return (
    a.changedNanoseconds === b.changedNanoseconds &&
    a.modifiedNanoseconds === b.modifiedNanoseconds &&
    a.changedSeconds === b.changedSeconds &&
    a.modifiedSeconds === b.modifiedSeconds &&
    a.size === b.size &&
    a.inodeLow === b.inodeLow &&
    a.inodeHigh === b.inodeHigh
  );
}

/** "" when there is no file. */
function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? "" : `${found.ino} ${found.mtimeNs} ${found.size}`;
}

/** `magic, sha256 of the rest, then for each file: 2 bytes length of the path, 1 byte hasXattrs, facts, digest, path` */
function encode(known: ReadonlyMap<string, Row>): Buffer {
  let bytes = 0;
  for (const path of known.keys()) bytes += FIXED_BYTES + path.length;
  const body = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [path, { facts, digest, hasXattrs }] of known) {
    at = body.writeUInt16LE(path.length, at);
    at = body.writeUInt8(hasXattrs ? 1 : 0, at);
    at = body.writeDoubleLE(facts.size, at);
    at = body.writeUInt32LE(facts.inodeLow, at);
    at = body.writeUInt32LE(facts.inodeHigh, at);
    at = body.writeDoubleLE(facts.modifiedSeconds, at);
    at = body.writeDoubleLE(facts.changedSeconds, at);
    at = body.writeUInt32LE(facts.modifiedNanoseconds, at);
    at = body.writeUInt32LE(facts.changedNanoseconds, at);
    at += body.write(digest, at, "hex");
    at += body.write(path, at, "latin1");
  }
  return Buffer.concat([Buffer.from(MAGIC), hash("sha256", body, "buffer"), body]);
}

function load(path: string): Map<string, Row> {
  const known = new Map<string, Row>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return known; // the first build of this directory
  }
  const start = MAGIC.length + DIGEST_BYTES;
  const body = bytes.subarray(start);
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return known;
  if (!hash("sha256", body, "buffer").equals(bytes.subarray(MAGIC.length, start))) return known;
  for (let at = 0; at < body.length; ) {
    const name = at + FIXED_BYTES;
    const end = name + body.readUInt16LE(at);
    known.set(body.toString("latin1", name, end), {
      facts: decodeFacts(body, at + 3),
      hasXattrs: body.readUInt8(at + 2) === 1,
      digest: body.toString("hex", at + 3 + FACTS_BYTES, name),
      isSettled: true,
    });
    at = end;
  }
  return known;
}

function decodeFacts(body: Buffer, at: number): FileFacts {
  return {
    size: body.readDoubleLE(at),
    inodeLow: body.readUInt32LE(at + 8),
    inodeHigh: body.readUInt32LE(at + 12),
    modifiedSeconds: body.readDoubleLE(at + 16),
    changedSeconds: body.readDoubleLE(at + 24),
    modifiedNanoseconds: body.readUInt32LE(at + 32),
    changedNanoseconds: body.readUInt32LE(at + 36),
  };
}
