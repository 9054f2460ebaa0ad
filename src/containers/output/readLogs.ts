import type { LogOptions, OutputFrame } from "../containerService.ts";
import { findTail, LogCursor, openLog } from "./logFile.ts";
import { logNanoseconds, logTimestamp } from "./logLine.ts";
import type { LogEntry } from "./logLine.ts";
import type { StreamHub } from "./streamHub.ts";

/** Puts time and details before every line: an entry that goes on an unfinished line gets none. */
function stamper({ timestamps, details }: LogOptions): (entry: LogEntry) => OutputFrame {
  if (timestamps !== true && details !== true) return (entry) => entry;
  const unfinished = { stdout: false, stderr: false };
  return (entry) => {
    const { stream, bytes, complete, time } = entry;
    const goesOn = unfinished[stream];
    unfinished[stream] = !complete;
    const stamp = `${timestamps === true ? `${logTimestamp(time)} ` : ""}${details === true ? " " : ""}`;
    return { stream, bytes: goesOn ? bytes : Buffer.concat([Buffer.from(stamp), bytes]) };
  };
}

function wanted(entry: LogEntry, options: LogOptions): boolean {
  if (!options[entry.stream]) return false;
  if (options.since === undefined && options.until === undefined) return true;
  const time = logNanoseconds(entry.time);
  return time >= (options.since ?? 0n) && (options.until === undefined || time <= options.until);
}

/** Resolves at new output, at its end, or when the signal fires. */
class OutputBell implements Disposable {
  readonly #stop: () => void;
  readonly #signal: AbortSignal | undefined;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(hub: StreamHub, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#stop = hub.onOutput(this.#ring);
    signal?.addEventListener("abort", this.#ring);
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
    this.#signal?.removeEventListener("abort", this.#ring);
  }
}

/**
 * What a container wrote, from its log. With `hub`, goes on until that run's output ends: conmon writes its log before it
 * tells its clients, so what the hub has heard is in the log.
 */
export async function* readLogs(
  path: string,
  options: LogOptions,
  hub: StreamHub | undefined,
): AsyncGenerator<OutputFrame> {
  const log = await openLog(path);
  if (log === undefined) return;
  try {
    using bell = hub === undefined ? undefined : new OutputBell(hub, options.signal);
    const cursor = new LogCursor(log, options.tail === undefined ? 0 : await findTail(log, options.tail));
    const stamp = stamper(options);
    let ended = hub === undefined;
    void hub?.ended.then(() => (ended = true));
    for (;;) {
      const last = ended;
      for await (const entry of cursor.read()) {
        if (options.signal?.aborted === true) return;
        if (wanted(entry, options)) yield stamp(entry);
      }
      if (last || options.signal?.aborted === true) return;
      await bell?.wait();
    }
  } finally {
    await log.close();
  }
}
