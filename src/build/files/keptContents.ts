/** Of one source, in all. */
const MAX_BYTES = 128 << 20;
const SLAB_BYTES = 1 << 20;

/** Bytes of small files that were hashed and will be wanted again, side by side in large buffers; bounded. */
export class KeptContents {
  readonly #files = new Map<string, Buffer>();
  #slab: Buffer = Buffer.alloc(0);
  #used = 0;
  #bytes = 0;

  /** Room for a file of so many bytes; undefined: no more, or too large. */
  allocate(bytes: number): Buffer | undefined {
    if (bytes > SLAB_BYTES || this.#bytes + bytes > MAX_BYTES) return undefined;
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const room = this.#slab.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    this.#bytes += bytes;
    return room;
  }

  get(path: string): Buffer | undefined {
    return this.#files.get(path);
  }

  set(path: string, content: Buffer): void {
    this.#files.set(path, content);
  }

  clear(): void {
    this.#files.clear();
    this.#slab = Buffer.alloc(0);
    this.#used = 0;
  }
}
