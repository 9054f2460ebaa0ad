import { OpenSegment } from "./logFile.ts";
import type { LogFiles } from "./logFiles.ts";
import { LogFormatter } from "./logFormatter.ts";
import type { LogFormat } from "./logFormatter.ts";
import type { StreamHub } from "./streamHub.ts";

/** Which part of a log, in which form. */
export interface LogRequest extends LogFormat {
  /** Only the last lines; default all. */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

const NANOSECONDS_PER_MS = 1_000_000n;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Resolves at new output, at its end, at a time, or when the signal fires. */
class OutputBell implements Disposable {
  readonly #stop: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(hub: StreamHub, { signal, until }: LogRequest) {
    this.#signal = signal;
    this.#stop = hub.onOutput(this.#ring);
    signal?.addEventListener("abort", this.#ring);
    const ms = until === undefined ? Infinity : Number(until / NANOSECONDS_PER_MS) - Date.now() + 1;
    if (ms < MAX_TIMEOUT_MS) this.#timer = setTimeout(this.#ring, Math.max(0, ms)).unref();
  }

  readonly #ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  async wait(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    this.#stop();
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#ring);
  }
}

/**
 * What a container wrote, from its log, as bytes for a client. With `hub`, goes on until that run's output ends: conmon
 * writes its log before it tells its clients, so what the hub has heard is in the log. A client that takes no more is not
 * read for: nothing piles up here.
 */
export async function* readLogs(
  files: LogFiles,
  request: LogRequest,
  hub: StreamHub | undefined,
): AsyncGenerator<Uint8Array> {
  const reading = new LogReading(files, request);
  try {
    // The bell is there before the first read: what comes during it is not missed.
    using bell = hub === undefined ? undefined : new OutputBell(hub, request);
    await reading.start({ follows: hub !== undefined });
    let ended = hub === undefined;
    void hub?.ended.then(() => (ended = true));
    for (;;) {
      const last = ended;
      for await (const bytes of reading.blocks()) yield bytes;
      if (last || reading.isOver) break;
      await bell?.wait();
    }
    yield* reading.end();
  } finally {
    reading[Symbol.dispose]();
  }
}

/** A log that is being read, segment by segment. */
class LogReading implements Disposable {
  readonly #files: LogFiles;
  readonly #request: LogRequest;
  readonly #formatter: LogFormatter;
  /** What is still to be read; the first one is being read. */
  readonly #open: OpenSegment[];
  #generation = -Infinity;

  constructor(files: LogFiles, request: LogRequest) {
    this.#files = files;
    this.#request = request;
    this.#formatter = new LogFormatter(request);
    this.#open = files
      .segments()
      .map((segment) => OpenSegment.open(segment))
      .filter((segment) => segment !== undefined);
  }

  /** The client is gone, or all is told that was wanted. */
  get isOver(): boolean {
    const { signal, until } = this.#request;
    const isLate = until !== undefined && until / NANOSECONDS_PER_MS < BigInt(Date.now());
    return signal?.aborted === true || this.#formatter.isPastUntil || isLate;
  }

  /** Steps over what a tail does not want. A line whose end has not come counts unless it will be told when it has one. */
  async start({ follows }: { readonly follows: boolean }): Promise<void> {
    let wanted = this.#request.tail;
    if (wanted === undefined) return;
    for (let index = this.#open.length - 1; index >= 0; index -= 1) {
      const segment = this.#open[index];
      const found = await segment?.findTail(wanted, !follows && index === this.#open.length - 1);
      if (found === undefined) continue;
      segment?.startAt(found);
      wanted -= found.lines;
      if (wanted > 0) continue;
      for (const older of this.#open.splice(0, index)) older[Symbol.dispose]();
      return;
    }
  }

  /** To the present end of the log. */
  async *blocks(): AsyncGenerator<Uint8Array> {
    for (let segment = this.#current(); segment !== undefined; segment = this.#advance()) {
      yield* this.#read(segment);
      // A newer file is there: conmon is done with this one, and its end stands fast.
      if (this.#files.next(this.#generation) !== undefined && !segment.segment.compressed) yield* this.#read(segment);
      if (this.#request.signal?.aborted === true || this.#formatter.isPastUntil) return;
    }
  }

  *end(): Generator<Uint8Array> {
    const rest = this.#formatter.end();
    if (rest.length > 0) yield rest;
  }

  [Symbol.dispose](): void {
    for (const segment of this.#open.splice(0)) segment[Symbol.dispose]();
  }

  async *#read(segment: OpenSegment): AsyncGenerator<Uint8Array> {
    for await (const block of segment.blocks()) {
      const bytes = this.#formatter.push(block);
      if (bytes.length > 0) yield bytes;
      if (this.#request.signal?.aborted === true || this.#formatter.isPastUntil) return;
    }
  }

  /** The segment to read on in; the log may have come into being only now. */
  #current(): OpenSegment | undefined {
    if (this.#open.length === 0) this.#openNext();
    const [segment] = this.#open;
    if (segment !== undefined) this.#generation = segment.segment.generation;
    return segment;
  }

  /** The next segment, if there is one. */
  #advance(): OpenSegment | undefined {
    if (this.#open.length === 1 && !this.#openNext()) return undefined;
    this.#open.shift()?.[Symbol.dispose]();
    return this.#current();
  }

  #openNext(): boolean {
    const next = this.#files.next(this.#generation);
    const opened = next === undefined ? undefined : OpenSegment.open(next);
    if (opened !== undefined) this.#open.push(opened);
    return opened !== undefined;
  }
}
