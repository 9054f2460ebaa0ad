import { hash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

interface KnownHash {
  readonly facts: Buffer;
  readonly digest: string;
}

const MAGIC = "varve hashes 1\n";
const DIGEST_BYTES = 32;
const FACTS_BYTES = 40;
/** Coarse clocks give one time to all that happens within a tick: a file that has only just changed may do so again unseen. */
const SETTLED_MS = 50;
/** A cache beyond that is started anew. */
const MAX_ENTRIES = 2_000_000;

/**
 * Digests of files by path, size, inode, mtime and ctime (which nobody can set back), kept in one file for each source
 * directory, so that unchanged files are never read again. The file is only a hint: damaged or missing, files are read.
 */
export class HashCache {
  readonly #path: string | undefined;
  readonly #known: Map<string, KnownHash>;
  #isDirty = false;

  static open(path: string | undefined): HashCache {
    return new HashCache(path, path === undefined ? new Map() : load(path));
  }

  private constructor(path: string | undefined, known: Map<string, KnownHash>) {
    this.#path = path;
    this.#known = known;
  }

  get(path: string, facts: FileFacts): string | undefined {
    const known = this.#known.get(path);
    if (known === undefined) return undefined;
    return encodeFacts(facts).equals(known.facts) ? known.digest : undefined;
  }

  put(path: string, facts: FileFacts, digest: string): void {
    const newest = Math.max(
      facts.changedSeconds * 1000 + facts.changedNanoseconds / 1e6,
      facts.modifiedSeconds * 1000 + facts.modifiedNanoseconds / 1e6,
    );
    if (Date.now() - newest < SETTLED_MS) return;
    if (this.#known.size >= MAX_ENTRIES) this.#known.clear();
    this.#known.set(path, { facts: Buffer.from(encodeFacts(facts)), digest });
    this.#isDirty = true;
  }

  /** Not flushed to disk: a torn file fails its checksum. */
  save(): void {
    if (this.#path === undefined || !this.#isDirty) return;
    this.#isDirty = false;
    const temporary = `${this.#path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, encode(this.#known), { mode: 0o600 });
      renameSync(temporary, this.#path);
    } catch {
      // Without room for it the next build reads the files again.
      rmSync(temporary, { force: true });
    }
  }
}

const factsBytes = Buffer.alloc(FACTS_BYTES);

/** The same buffer each time. */
function encodeFacts(facts: FileFacts): Buffer {
  factsBytes.writeDoubleLE(facts.size, 0);
  factsBytes.writeUInt32LE(facts.inodeLow, 8);
  factsBytes.writeUInt32LE(facts.inodeHigh, 12);
  factsBytes.writeDoubleLE(facts.modifiedSeconds, 16);
  factsBytes.writeDoubleLE(facts.changedSeconds, 24);
  factsBytes.writeUInt32LE(facts.modifiedNanoseconds, 32);
  factsBytes.writeUInt32LE(facts.changedNanoseconds, 36);
  return factsBytes;
}

/** `magic, sha256 of the rest, then for each file: 2 bytes length of the path, path, facts, digest` */
function encode(known: ReadonlyMap<string, KnownHash>): Buffer {
  let bytes = 0;
  for (const path of known.keys()) bytes += 2 + path.length + FACTS_BYTES + DIGEST_BYTES;
  const body = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [path, { facts, digest }] of known) {
    at = body.writeUInt16LE(path.length, at);
    at += body.write(path, at, "latin1");
    at += facts.copy(body, at);
    at += body.write(digest, at, "hex");
  }
  return Buffer.concat([Buffer.from(MAGIC), hash("sha256", body, "buffer"), body]);
}

function load(path: string): Map<string, KnownHash> {
  const known = new Map<string, KnownHash>();
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
    const length = body.readUInt16LE(at);
    const facts = at + 2 + length;
    const end = facts + FACTS_BYTES + DIGEST_BYTES;
    known.set(body.toString("latin1", at + 2, facts), {
      facts: body.subarray(facts, facts + FACTS_BYTES),
      digest: body.toString("hex", facts + FACTS_BYTES, end),
    });
    at = end;
  }
  return known;
}
