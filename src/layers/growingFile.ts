import type { GrowingFile } from "./layer.ts";
import { EngineError, ErrorCode } from "#errors";
import type { StopFlag } from "./stopFlag.ts";

/*
 * Cells of `progress`: Int32 0 = state, Int32 1 = sequence that every change bumps (readers sleep on it, so that none is
 * missed), BigInt64 1 (byte 8) = payload bytes that are readable.
 */
const PROGRESS_BYTES = 16;
const STATE = 0;
const SEQUENCE = 1;
const AVAILABLE = 1;
const RUNNING = 0;
const DONE = 1;
const FAILED = 2;
/** How late a reader sees the stop flag. */
const WAIT_MS = 50;

/** The writing end of a {@link GrowingFile}. Says only how far the file is readable; the bytes go there by other means. */
export interface GrowingFileWriter {
  readonly file: GrowingFile;
  /** `total` payload bytes are readable now. Never shrinks. */
  advance(total: number): void;
  /** Everything is there. */
  finish(): void;
  /** The source broke: waiting readers throw `aborted`. */
  fail(): void;
}

/** Starts a growing file with `available` payload bytes (default 0) already in it, e.g. of a resumed download. */
export function createGrowingFile(path: string, options: GrowingFileOptions = {}): GrowingFileWriter {
  const progress = new SharedArrayBuffer(PROGRESS_BYTES);
  const state = new Int32Array(progress);
  const cells = new BigInt64Array(progress);
  Atomics.store(cells, AVAILABLE, BigInt(options.available ?? 0));
  const wake = (): void => {
    Atomics.add(state, SEQUENCE, 1);
    Atomics.notify(state, SEQUENCE);
  };
  const end = (value: number): void => {
    Atomics.compareExchange(state, STATE, RUNNING, value);
    wake();
  };
  return {
    file: { path, baseOffset: options.baseOffset ?? 0, progress },
    advance(total) {
      Atomics.store(cells, AVAILABLE, BigInt(total));
      wake();
    },
    finish: () => end(DONE),
    fail: () => end(FAILED),
  };
}

export interface GrowingFileOptions {
  /** Where the payload starts in the file; default 0. */
  readonly baseOffset?: number;
  readonly available?: number;
}

/** A file that is complete already, in the shape that ingests take. */
export function completeFile(path: string, size: number, baseOffset = 0): GrowingFile {
  const writer = createGrowingFile(path, { available: size, baseOffset });
  writer.finish();
  return writer.file;
}

/** The reading end, for worker threads only: waiting blocks the thread. */
export class GrowingFileTail {
  readonly #state: Int32Array;
  readonly #cells: BigInt64Array;
  readonly #stop: StopFlag;

  constructor(file: GrowingFile, stop: StopFlag) {
    this.#state = new Int32Array(file.progress);
    this.#cells = new BigInt64Array(file.progress);
    this.#stop = stop;
  }

  /**
   * Payload bytes that are readable, more than `consumed`; exactly `consumed` only at the end.
   * @throws {aborted} when the writer failed @throws {cancelled} when the stop flag is up
   */
  waitBeyond(consumed: number): number {
    for (;;) {
      this.#stop.check();
      const sequence = Atomics.load(this.#state, SEQUENCE);
      // The state is read before the count: after DONE the count no longer moves.
      const state = Atomics.load(this.#state, STATE);
      const available = Number(Atomics.load(this.#cells, AVAILABLE));
      if (available > consumed || state === DONE) return available;
      if (state === FAILED) throw sourceFailed();
      Atomics.wait(this.#state, SEQUENCE, sequence, WAIT_MS);
    }
  }
}

/** For the main thread: the readable bytes once there are `wanted` or the file is complete. @throws {aborted} SOURCE_FAILED @throws {cancelled} */
export async function growth(file: GrowingFile, wanted: number, signal?: AbortSignal): Promise<number> {
  const states = new Int32Array(file.progress);
  const cells = new BigInt64Array(file.progress);
  for (;;) {
    if (signal?.aborted === true) throw new EngineError("cancelled", ErrorCode.CANCELLED, "layer ingest cancelled");
    const sequence = Atomics.load(states, SEQUENCE);
    const state = Atomics.load(states, STATE);
    const available = Number(Atomics.load(cells, AVAILABLE));
    if (available >= wanted || state === DONE) return available;
    if (state === FAILED) throw sourceFailed();
    await Atomics.waitAsync(states, SEQUENCE, sequence, WAIT_MS).value;
  }
}

function sourceFailed(): EngineError {
  return new EngineError("aborted", ErrorCode.SOURCE_FAILED, "the source of the layer ended early");
}
