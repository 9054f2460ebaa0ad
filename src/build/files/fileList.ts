import { hash } from "node:crypto";
import { parseDigest } from "#oci";
import type { Digest } from "#oci";
import { toDisplayPath } from "#tar";

const DIGEST_BYTES = 32;
const FIXED_BYTES = 4 + DIGEST_BYTES;
const FIRST_BYTES = 1 << 16;

/**
 * Files with mode and sha256, packed, for they travel between threads whether or not anybody asks:
 * `2 bytes length of the path, 2 bytes mode, path (latin1), digest` each.
 */
export class FileListWriter {
  #bytes: Buffer<ArrayBuffer> = Buffer.alloc(FIRST_BYTES);
  #used = 0;

  /** `digest` is hex. */
  add(path: string, mode: number, digest: string): void {
    const needed = this.#used + FIXED_BYTES + path.length;
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    this.#bytes.writeUInt16LE(path.length, this.#used);
    this.#bytes.writeUInt16LE(mode, this.#used + 2);
    this.#bytes.write(path, this.#used + 4, "latin1");
    this.#bytes.write(digest, this.#used + 4 + path.length, "hex");
    this.#used = needed;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }
}

/** Path → digest over mode and content. */
export function readFileList(list: Uint8Array): ReadonlyMap<string, Digest> {
  const bytes = Buffer.from(list.buffer, list.byteOffset, list.byteLength);
  const files = new Map<string, Digest>();
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    const end = at + FIXED_BYTES + length;
    const path = toDisplayPath(bytes.toString("latin1", at + 4, at + 4 + length));
    const facts = Buffer.concat([bytes.subarray(at + 2, at + 4), bytes.subarray(end - DIGEST_BYTES, end)]);
    files.set(path, parseDigest(`sha256:${hash("sha256", facts, "hex")}`));
    at = end;
  }
  return files;
}
