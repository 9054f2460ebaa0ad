import { FRAME_HEADER_BYTES, STREAM_NUMBER } from "#engineapi";
import { logNanoseconds } from "./logLine.ts";

/** What of a log is wanted, and in which form. */
export interface LogFormat {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since 1970, both inclusive. */
  readonly since?: bigint;
  readonly until?: bigint;
  /** RFC 3339 and a space before every line. */
  readonly timestamps?: boolean;
  /** Before every line, behind its time, with a space. */
  readonly details?: string;
  /** Docker's frames, one a line; false: bytes as they are (a terminal has one stream). */
  readonly framed: boolean;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const FULL = 0x46;
const OUT_END = 0x74; // "stdout" and "stderr" differ in their fourth letter: "o" and "e"
const LETTER_E = 0x65;
/** dockerd cuts longer lines into pieces of this size. */
const MAX_LINE_BYTES = 16 << 10;
const UTC = "+00:00";
const TIME_BYTES = 29;
const SECOND = 1_000_000_000n;

/** A line whose end has not come. */
interface Pending {
  readonly parts: Uint8Array[];
  bytes: number;
  stamp: Uint8Array | undefined;
  /** Its beginning was handed out. */
  isContinued: boolean;
}

/** As conmon writes a time in UTC, without its zone: texts of this form compare as their times do. */
function timeText(nanoseconds: bigint): Buffer {
  const whole = nanoseconds < 0n ? 0n : nanoseconds;
  const seconds = new Date(Number(whole / 1_000_000n)).toISOString().slice(0, 19);
  return Buffer.from(`${seconds}.${(whole % SECOND).toString().padStart(9, "0")}`, "latin1");
}

/**
 * conmon's log, block by block, as Docker's clients take it. Lines that conmon cut at its reads are joined again. Works on
 * whole blocks and makes no object for a line: a log is read at the speed at which it can be sent.
 */
export class LogFormatter {
  readonly #format: LogFormat;
  readonly #since: Buffer | undefined;
  readonly #until: Buffer | undefined;
  readonly #details: Buffer | undefined;
  readonly #pending: Readonly<Record<"stdout" | "stderr", Pending>> = {
    stdout: { parts: [], bytes: 0, stamp: undefined, isContinued: false },
    stderr: { parts: [], bytes: 0, stamp: undefined, isContinued: false },
  };
  #out = Buffer.alloc(0);
  #used = 0;
  #isPastUntil = false;

  constructor(format: LogFormat) {
    this.#format = format;
    this.#since = format.since === undefined ? undefined : timeText(format.since);
    this.#until = format.until === undefined ? undefined : timeText(format.until);
    this.#details = format.details === undefined ? undefined : Buffer.from(`${format.details} `);
  }

  /** True once a line was later than `until`: what follows is, too. */
  get isPastUntil(): boolean {
    return this.#isPastUntil;
  }

  /** Whole entries, each with its newline → bytes for the client, which are the caller's. */
  push(block: Buffer): Buffer {
    // Frames are shorter than conmon's prefixes; only details may need more.
    this.#out = Buffer.allocUnsafe(block.length + MAX_LINE_BYTES);
    this.#used = 0;
    for (let from = 0; from < block.length; ) {
      const end = block.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.#line(block, from, end);
      from = end + 1;
    }
    return this.#out.subarray(0, this.#used);
  }

  /** What was written without a newline at the end. */
  end(): Buffer {
    this.#out = Buffer.alloc(0);
    this.#used = 0;
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#pending[stream].bytes > 0) this.#flush(stream);
    }
    return this.#out.subarray(0, this.#used);
  }

  /** `TIME stdout F text`: `end` is where its newline stands. */
  #line(block: Buffer, from: number, end: number): void {
    const timeEnd = block.indexOf(SPACE, from);
    const flagAt = timeEnd + 8;
    if (timeEnd < 0 || flagAt + 1 > end || block[flagAt - 1] !== SPACE || block[flagAt + 1] !== SPACE) return;
    if (block[flagAt - 2] !== OUT_END && block[flagAt - 2] !== 0x72) return;
    const stream = block[timeEnd + 4] === LETTER_E ? "stderr" : "stdout";
    if (!this.#format[stream] || !this.#isWithin(block, from, timeEnd)) return;
    const start = flagAt + 2;
    const isWhole = block[flagAt] === FULL;
    const pending = this.#pending[stream];
    if (isWhole && pending.bytes === 0 && !pending.isContinued && end - start < MAX_LINE_BYTES) {
      this.#write(stream, this.#stamp(block, from, timeEnd), block, [start, end + 1]);
      return;
    }
    if (pending.bytes === 0 && !pending.isContinued) pending.stamp = this.#stamp(block, from, timeEnd);
    this.#join(stream, block.subarray(start, isWhole ? end + 1 : end));
    if (isWhole) {
      this.#flush(stream);
      pending.isContinued = false;
    }
  }

  #join(stream: "stdout" | "stderr", text: Buffer): void {
    const pending = this.#pending[stream];
    for (let from = 0; from < text.length; ) {
      const part = text.subarray(from, from + MAX_LINE_BYTES - pending.bytes);
      pending.parts.push(Buffer.from(part));
      pending.bytes += part.length;
      from += part.length;
      if (pending.bytes >= MAX_LINE_BYTES && from < text.length) this.#flush(stream);
    }
  }

  #flush(stream: "stdout" | "stderr"): void {
    const pending = this.#pending[stream];
    const text = Buffer.concat(pending.parts);
    this.#write(stream, pending.isContinued ? undefined : pending.stamp, text, [0, text.length]);
    pending.parts.length = 0;
    pending.bytes = 0;
    pending.isContinued = true;
  }

  #isWithin(block: Buffer, from: number, timeEnd: number): boolean {
    if (this.#since === undefined && this.#until === undefined) return true;
    const time = this.#utc(block, from, timeEnd);
    if (this.#since !== undefined && time.compare(this.#since) < 0) return false;
    if (this.#until === undefined || time.compare(this.#until) <= 0) return true;
    this.#isPastUntil = true;
    return false;
  }

  /** The entry's time in UTC, without its zone. */
  #utc(block: Buffer, from: number, timeEnd: number): Buffer {
    const isUtc =
      timeEnd - from === TIME_BYTES + UTC.length && block.toString("latin1", timeEnd - UTC.length, timeEnd) === UTC;
    if (isUtc) return block.subarray(from, from + TIME_BYTES);
    return timeText(logNanoseconds(block.toString("latin1", from, timeEnd)));
  }

  #stamp(block: Buffer, from: number, timeEnd: number): Buffer | undefined {
    const { timestamps } = this.#format;
    if (timestamps !== true) return this.#details;
    const time = Buffer.from(`${this.#utc(block, from, timeEnd).toString("latin1")}Z `, "latin1");
    return this.#details === undefined ? time : Buffer.concat([time, this.#details]);
  }

  #write(
    stream: "stdout" | "stderr",
    stamp: Uint8Array | undefined,
    source: Buffer,
    [start, end]: readonly [number, number],
  ): void {
    const length = (stamp?.length ?? 0) + end - start;
    this.#reserve(length + FRAME_HEADER_BYTES);
    const out = this.#out;
    let at = this.#used;
    if (this.#format.framed) {
      out[at] = STREAM_NUMBER[stream];
      out[at + 1] = 0;
      out[at + 2] = 0;
      out[at + 3] = 0;
      out.writeUInt32BE(length, at + 4);
      at += FRAME_HEADER_BYTES;
    }
    if (stamp !== undefined) {
      out.set(stamp, at);
      at += stamp.length;
    }
    source.copy(out, at, start, end);
    this.#used = at + end - start;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#out.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#out.length + bytes));
    this.#out.copy(grown, 0, 0, this.#used);
    this.#out = grown;
  }
}
