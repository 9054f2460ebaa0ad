import type { OutputFrame } from "../../containerService.ts";

/** A line without its newline, or a piece of one that is too long. */
export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: Buffer;
  /** Set on the pieces of a long line. */
  readonly partial?: { readonly id: number; readonly ordinal: number; readonly last: boolean };
}

/** dockerd cuts longer lines into pieces of this size. */
const MAX_LINE_BYTES = 16 << 10;
const NEWLINE = 0x0a;

/** Output as it comes → lines of each stream. */
export class LineSplitter {
  readonly #rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  /** Pieces of the present line that were handed out. */
  readonly #pieces = { stdout: 0, stderr: 0 };
  readonly #ids = { stdout: 0, stderr: 0 };
  #lines = 0;

  *push({ stream, bytes }: OutputFrame): Generator<OutputLine> {
    let rest = Buffer.concat([this.#rest[stream], bytes]);
    for (let end = rest.indexOf(NEWLINE); rest.length > 0; end = rest.indexOf(NEWLINE)) {
      const isWhole = end >= 0 && end <= MAX_LINE_BYTES;
      if (!isWhole && rest.length <= MAX_LINE_BYTES) break;
      const length = isWhole ? end : MAX_LINE_BYTES;
      yield this.#line(stream, rest.subarray(0, length), isWhole);
      rest = rest.subarray(isWhole ? length + 1 : length);
    }
    this.#rest[stream] = rest;
  }

  /** What was written without a newline at the end. */
  *end(): Generator<OutputLine> {
    for (const stream of ["stdout", "stderr"] as const)
      if (this.#rest[stream].length > 0) yield this.#line(stream, this.#rest[stream], true);
  }

  #line(stream: "stdout" | "stderr", text: Buffer, last: boolean): OutputLine {
    if (this.#pieces[stream] === 0 && last) return { stream, text };
    if (this.#pieces[stream] === 0) this.#ids[stream] = this.#lines++;
    const ordinal = ++this.#pieces[stream];
    if (last) this.#pieces[stream] = 0;
    return { stream, text, partial: { id: this.#ids[stream], ordinal, last } };
  }
}
