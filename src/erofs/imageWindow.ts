import { invalidErofs } from "./erofsError.ts";

/** Bytes by offset: a layer file, or a copy of one in memory. */
export interface ErofsSource {
  /** `length` bytes at `offset`, fewer only at the end of the file. The reader does not keep or change them. */
  read(offset: number, length: number): Uint8Array;
}

const WINDOW_BYTES = 32_768;
const MAX_WINDOWS = 64;

/**
 * The part of an image that holds metadata, read in windows of 32 KiB of which the last 64 used are kept: inodes and
 * names are small and neighbours. Nothing outside [start, end) is ever asked of the source.
 */
export class ImageWindow {
  readonly #source: ErofsSource;
  readonly #start: number;
  readonly #end: number;
  readonly #windows = new Map<number, Buffer>();

  constructor(source: ErofsSource, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.#end = end;
  }

  get bytes(): number {
    return this.#end - this.#start;
  }

  /** @throws {data_loss} INVALID_EROFS when the range leaves the image or the file ends within it */
  read(offset: number, length: number): Buffer {
    if (!(offset >= this.#start && offset + length <= this.#end)) throw invalidErofs("reference out of bounds");
    const first = Math.floor((offset - this.#start) / WINDOW_BYTES);
    const last = Math.floor((offset - this.#start + Math.max(length, 1) - 1) / WINDOW_BYTES);
    const at = offset - this.#start - first * WINDOW_BYTES;
    if (first === last) return this.#window(first).subarray(at, at + length);
    const parts: Buffer[] = [];
    for (let index = first; index <= last; index += 1) parts.push(this.#window(index));
    return Buffer.concat(parts).subarray(at, at + length);
  }

  #window(index: number): Buffer {
    const known = this.#windows.get(index);
    if (known !== undefined) {
      this.#windows.delete(index);
      this.#windows.set(index, known);
      return known;
    }
    const start = this.#start + index * WINDOW_BYTES;
    const length = Math.min(WINDOW_BYTES, this.#end - start);
    const bytes = this.#source.read(start, length);
    if (bytes.length !== length) throw invalidErofs("the file is cut off");
    // Copied, because a source may hand out the same buffer again.
    const window = Buffer.from(bytes);
    this.#windows.set(index, window);
    const oldest = this.#windows.keys().next().value;
    if (this.#windows.size > MAX_WINDOWS && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }
}
