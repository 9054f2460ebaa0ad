import { CallList } from "./callList.ts";
import { addressOf, addressOfSymbol } from "./libc.ts";

const SHA256_BYTES = 32;
const BATCH = 1024;

/** Bytes within a buffer. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

const free: CallList[] = [];

/**
 * sha256 of many small pieces of one buffer, on libuv's pool: 32 bytes each, in their order. From JavaScript one by one each
 * costs more than its hashing. The buffer may not change meanwhile.
 */
export async function hashPieces(bytes: Uint8Array, pieces: readonly Piece[]): Promise<Buffer> {
  const sums = Buffer.allocUnsafeSlow(pieces.length * SHA256_BYTES);
  const [from, to] = [addressOf(bytes), addressOf(sums)];
  const list = free.pop() ?? new CallList(BATCH, [{ target: addressOfSymbol("SHA256"), args: [0, 0, 0] }]);
  try {
    for (let first = 0; first < pieces.length; first += BATCH) {
      const batch = pieces.slice(first, first + BATCH);
      for (const [at, { offset, length }] of batch.entries()) {
        if (offset + length > bytes.length) throw new RangeError("a piece beyond the buffer");
        list.set(at, 0, 0, from + offset);
        list.set(at, 0, 1, length);
        list.set(at, 0, 2, to + (first + at) * SHA256_BYTES);
      }
      await list.runAsync(batch.length);
    }
  } finally {
    free.push(list);
  }
  return sums;
}
