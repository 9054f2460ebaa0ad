import { readSync } from "node:fs";
import { encodeTarHeader, TAR_END, tarPadding } from "#tar";
import type { TarHeader } from "#tar";

const CHUNK_BYTES = 512 << 10;

/** Packs a tar into large chunks. */
export class TarOutput {
  readonly #emit: (chunk: Uint8Array<ArrayBuffer>) => void;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;

  constructor(emit: (chunk: Uint8Array<ArrayBuffer>) => void) {
    this.#emit = emit;
  }

  header(header: TarHeader): void {
    this.#write(encodeTarHeader(header));
  }

  /** The next `size` bytes of an open file; zeros where it has become shorter than its header said. */
  body(fd: number, size: number): void {
    for (let left = size; left > 0; ) {
      if (this.#used === CHUNK_BYTES) this.#flush();
      const wanted = Math.min(left, CHUNK_BYTES - this.#used);
      let got = readSync(fd, this.#chunk, this.#used, wanted, null);
      if (got === 0) {
        this.#chunk.fill(0, this.#used, this.#used + wanted);
        got = wanted;
      }
      this.#used += got;
      left -= got;
    }
    this.#write(tarPadding(size));
  }

  end(): void {
    this.#write(TAR_END);
    if (this.#used > 0) this.#flush();
  }

  #write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#used === CHUNK_BYTES) this.#flush();
      const part = bytes.subarray(done, done + CHUNK_BYTES - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
    }
  }

  #flush(): void {
    this.#emit(this.#chunk.subarray(0, this.#used));
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#used = 0;
  }
}
