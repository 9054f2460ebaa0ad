import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { hashPieces } from "#host";
import type { Piece } from "#host";

const DIGEST_BYTES = 32;
const SLAB_BYTES = 1 << 20;
/** Writes under way, and slabs that are being hashed. */
const MAX_WRITES = 8;
/** Of files that come in pieces; more are written piece by piece. */
const MAX_STAGED_BYTES = 32 << 20;

/** A file that comes in pieces. */
export interface ComingFile {
  readonly offset: number;
  write(chunk: Uint8Array): void;
  /** sha256 of all that was written. */
  finish(): Buffer;
}

/** Told that a file's sha256 stands in `sums` from `at` on. */
export type OnDigest = (sums: Buffer, at: number) => void;

/**
 * Appends files to a pack: small ones side by side in large writes, those that come in pieces at a place of their own. What
 * is in the pack already is never touched. Calls return at once; `drained` says when to go on.
 */
export class PackWriter {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #end: number;
  #slab: Buffer | undefined;
  #slabStart = 0;
  #slabUsed = 0;
  /** Files of the slab. */
  #pieces: Piece[] = [];
  #onDigests: OnDigest[] = [];
  #staged = 0;
  #failure: unknown;
  #isClosed = false;
  readonly #writes = new Set<Promise<void>>();

  /** `end`: bytes of the pack so far. */
  constructor(path: string, end: number) {
    this.#path = path;
    this.#end = end;
  }

  /** Bytes of the pack now. */
  get end(): number {
    return this.#end;
  }

  /** A whole file; where it is. Its digest comes later, when `finish` resolves at the latest. */
  put(bytes: Uint8Array, onDigest: OnDigest): number {
    const at = this.#append(bytes);
    this.#pieces.push({ offset: at, length: bytes.length });
    this.#onDigests.push(onDigest);
    return this.#slabStart + at;
  }

  /** A file of so many bytes that comes in pieces. */
  begin(size: number): ComingFile {
    const offset = this.#end;
    this.#end += size;
    const wanted = Math.min(size, SLAB_BYTES);
    const isStaged = this.#staged + wanted <= MAX_STAGED_BYTES;
    if (isStaged) this.#staged += wanted;
    const sum = createHash("sha256");
    const pieces = isStaged ? new StagedPieces(wanted, (bytes, at) => this.#write(bytes, offset + at)) : undefined;
    let at = 0;
    return {
      offset,
      write: (chunk) => {
        sum.update(chunk);
        if (pieces === undefined) this.#write(Buffer.from(chunk), offset + at);
        else pieces.add(chunk);
        at += chunk.length;
      },
      finish: () => {
        pieces?.flush();
        if (isStaged) this.#staged -= wanted;
        return sum.digest();
      },
    };
  }

  /** undefined: more can come at once. Resolves when it can. @throws what a write threw */
  drained(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#writes.size < MAX_WRITES ? undefined : this.#wait();
  }

  /** All is in the file. @throws what a write threw */
  async finish(): Promise<void> {
    this.#flush();
    await this.close();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What is put after that goes nowhere. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#writes);
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    await file?.close();
  }

  async #wait(): Promise<void> {
    while (this.#writes.size >= MAX_WRITES) await Promise.race(this.#writes);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Where it is within the slab. */
  #append(bytes: Uint8Array): number {
    if (this.#slab === undefined || this.#slabUsed + bytes.length > this.#slab.length) {
      this.#flush();
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes.length));
      this.#slabStart = this.#end;
      this.#end += this.#slab.length;
    }
    const at = this.#slabUsed;
    this.#slab.set(bytes, at);
    this.#slabUsed += bytes.length;
    return at;
  }

  #flush(): void {
    if (this.#slab !== undefined && this.#slabUsed > 0) {
      this.#write(this.#slab.subarray(0, this.#slabUsed), this.#slabStart);
      this.#hold(digestPieces(this.#slab, this.#pieces, this.#onDigests));
    }
    this.#slab = undefined;
    this.#slabUsed = 0;
    this.#pieces = [];
    this.#onDigests = [];
  }

  #write(bytes: Buffer, position: number): void {
    if (!this.#isClosed) this.#hold(this.#writeAll(bytes, position));
  }

  #hold(work: Promise<void>): void {
    const done = work.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#writes.add(done);
    void done.finally(() => this.#writes.delete(done));
  }

  async #writeAll(bytes: Buffer, position: number): Promise<void> {
    const file = await (this.#file ??= open(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600));
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

async function digestPieces(slab: Buffer, pieces: readonly Piece[], onDigests: readonly OnDigest[]): Promise<void> {
  const sums = await hashPieces(slab, pieces);
  for (const [index, onDigest] of onDigests.entries()) onDigest(sums, index * DIGEST_BYTES);
}

/** Gathers pieces of one file. */
class StagedPieces {
  readonly #bytes: number;
  readonly #emit: (bytes: Buffer, at: number) => void;
  #buffer: Buffer | undefined;
  #used = 0;
  #done = 0;

  constructor(bytes: number, emit: (bytes: Buffer, at: number) => void) {
    this.#bytes = bytes;
    this.#emit = emit;
  }

  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      this.#buffer ??= Buffer.allocUnsafeSlow(this.#bytes);
      const part = chunk.subarray(at, at + this.#bytes - this.#used);
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === this.#bytes) this.flush();
    }
  }

  flush(): void {
    if (this.#buffer === undefined) return;
    this.#emit(this.#buffer.subarray(0, this.#used), this.#done);
    this.#done += this.#used;
    this.#buffer = undefined;
    this.#used = 0;
  }
}
