import { closeSync, createReadStream, fstatSync, openSync, read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import type { LogSegment } from "./logFiles.ts";
import { parseLogLine } from "./logLine.ts";

const read = promisify(readCallback);
const BLOCK_BYTES = 256 << 10;
const TAIL_BLOCK_BYTES = 64 << 10;
const NEWLINE = 0x0a;

/** What is known of the lines at the end of a segment. */
export interface TailFound {
  /** From where on the wanted lines are: bytes of a plain file, lines of a compressed one. */
  readonly start: number;
  /** At most as many as were wanted. */
  readonly lines: number;
}

/** A segment that is open. Blocks are whole entries; a plain one can be read on where it was left, as it grows. */
export class OpenSegment implements Disposable {
  readonly segment: LogSegment;
  readonly #fd: number;
  #position = 0;
  #skippedLines = 0;

  /** Synchronous, so that a whole log can be opened between two turns of it. */
  private constructor(segment: LogSegment, fd: number) {
    this.segment = segment;
    this.#fd = fd;
  }

  /** undefined when it is gone. */
  static open(segment: LogSegment): OpenSegment | undefined {
    try {
      return new OpenSegment(segment, openSync(segment.path, "r"));
    } catch {
      return undefined; // turned out of the log, or its container is gone
    }
  }

  /** Leaves out what stands before. */
  startAt({ start }: TailFound): void {
    if (this.segment.compressed) this.#skippedLines = start;
    else this.#position = start;
  }

  /** Where the last `wanted` lines begin; `isLast`: a line without its end counts, too. */
  findTail(wanted: number, isLast: boolean): Promise<TailFound> {
    return this.segment.compressed ? this.#tailOfCompressed(wanted) : this.#tailOfPlain(wanted, isLast);
  }

  /** Everything from where it stands to the present end. */
  async *blocks(): AsyncGenerator<Buffer> {
    if (this.segment.compressed) yield* this.#inflated(this.#skippedLines);
    else yield* this.#plain();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  async *#plain(): AsyncGenerator<Buffer> {
    let size = BLOCK_BYTES;
    for (;;) {
      const block = Buffer.allocUnsafe(size);
      const { bytesRead } = await read(this.#fd, block, 0, size, this.#position);
      const whole = block.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      // conmon's entries are shorter than a block, a foreign log's need not be.
      if (whole === 0 && bytesRead === size) size *= 2;
      else if (whole === 0) return;
      else yield block.subarray(0, whole);
      this.#position += whole;
    }
  }

  async *#inflated(skip: number): AsyncGenerator<Buffer> {
    let rest: Buffer = Buffer.alloc(0);
    let left = skip;
    const stream = createReadStream("", { fd: this.#fd, start: 0, autoClose: false }).pipe(
      createGunzip({ chunkSize: BLOCK_BYTES }),
    );
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const joined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const whole = joined.lastIndexOf(NEWLINE) + 1;
      rest = joined.subarray(whole);
      let from = 0;
      while (left > 0 && from < whole) {
        const to = joined.indexOf(NEWLINE, from) + 1;
        if (parseLogLine(joined.subarray(from, to))?.complete === true) left -= 1;
        from = to;
      }
      if (from < whole) yield joined.subarray(from, whole);
    }
  }

  async #tailOfCompressed(wanted: number): Promise<TailFound> {
    let lines = 0;
    for await (const block of this.#inflated(0)) {
      for (let from = 0; from < block.length; ) {
        const to = block.indexOf(NEWLINE, from) + 1;
        if (parseLogLine(block.subarray(from, to))?.complete === true) lines += 1;
        from = to;
      }
    }
    return { start: Math.max(0, lines - wanted), lines: Math.min(lines, wanted) };
  }

  /** From the back, block by block. An entry's end is known to be a line's only once its head is seen. */
  async #tailOfPlain(wanted: number, isLast: boolean): Promise<TailFound> {
    const { size } = fstatSync(this.#fd);
    if (wanted === 0) return { start: size, lines: 0 };
    let found = 0;
    let end = size;
    let rest = Buffer.alloc(0);
    while (end > 0) {
      const start = Math.max(0, end - TAIL_BLOCK_BYTES);
      const block = Buffer.alloc(end - start);
      await read(this.#fd, block, 0, block.byteLength, start);
      rest = Buffer.concat([block, rest]);
      const first = start === 0 ? 0 : rest.indexOf(NEWLINE) + 1;
      let to = rest.byteLength;
      while (to > first) {
        const from = rest.lastIndexOf(NEWLINE, to - 2) + 1;
        if (from < first) break;
        if (parseLogLine(rest.subarray(from, to))?.complete === true || (isLast && start + to === size)) {
          if (found === wanted) return { start: start + to, lines: found };
          found += 1;
        }
        to = from;
      }
      rest = rest.subarray(0, to);
      end = start;
    }
    return { start: 0, lines: found };
  }
}
