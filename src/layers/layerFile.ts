import { createHash } from "node:crypto";
import { readSync, writeSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";

/** The tar starts here; before it lies the head with the EROFS superblock. */
export const HEAD_BYTES = 4096;

/** Linux errno names that mean "no room", and how the user shall read them. */
const FULL: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "no space left on device"],
  ["EDQUOT", "disk quota exceeded"],
  ["EFBIG", "file too large for the filesystem"],
]);

/** A failed file operation as an EngineError; anything else unchanged. */
export function toLayerError(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const message = FULL.get(String(error.code));
  return message === undefined
    ? error
    : new EngineError("resource_exhausted", ErrorCode.NO_SPACE, `write layer: ${message}`, { cause: error });
}

/** All of `bytes` at `position`: one write may take less, e.g. just before the disk is full. */
export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

const MIN_HOLE_BYTES = 1 << 16;
const ZEROS: Buffer = Buffer.alloc(1 << 20);

/**
 * As {@link writeFully}, but a long run of zeros stays a hole: gigabytes of them, which compress to nothing, take no room.
 * Something must be written behind it, and nothing may lie there before.
 */
export function writeSparsely(fd: number, bytes: Uint8Array, position: number): void {
  const isLong = bytes.length >= MIN_HOLE_BYTES && bytes.length <= ZEROS.length;
  const isHole = isLong && bytes[0] === 0 && ZEROS.subarray(0, bytes.length).equals(bytes);
  if (!isHole) writeFully(fd, bytes, position);
}

/** sha256, hex, of the parts of a layer file that are ours: what a re-verification compares beside the diffID. */
export function indexDigestOf(head: Uint8Array, metadata: Uint8Array): string {
  return createHash("sha256").update(head).update(metadata).digest("hex");
}

/** @throws {data_loss} when the file ends within the range */
export function readExactly(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readFully(fd, bytes, offset);
  return bytes;
}

/** Fills `bytes` from there. @throws {data_loss} INVALID_EROFS when the file ends before */
export function readFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(fd, bytes, done, bytes.length - done, offset + done);
    if (got === 0) throw new EngineError("data_loss", ErrorCode.INVALID_EROFS, "a layer file is cut short");
    done += got;
  }
}
