import { setTimeout as sleep } from "node:timers/promises";
import type { LogSink } from "./logSink.ts";

const RETRY_MS = 100;
/** Nobody is waited for longer, whatever the options say: a container that ended would never be forgotten. */
const LONGEST_MS = 60_000;

/** Waits for a receiver that is gone: so long for the first line, not at all for the next ones until it is back. */
export function patientSink(inner: LogSink, patienceMs: number): LogSink {
  const longest = Math.min(patienceMs, LONGEST_MS);
  let isGone = false;
  return {
    send: async (message) => {
      for (let waited = 0; ; waited += RETRY_MS) {
        if (await inner.send(message)) {
          isGone = false;
          return true;
        }
        isGone ||= waited >= longest;
        if (isGone) return false;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    },
    [Symbol.dispose]: () => inner[Symbol.dispose](),
  };
}

/** Never makes anybody wait: keeps so many lines for a receiver that is gone, in order. What is left at the end is dropped. */
export class BufferedSink implements LogSink {
  readonly #inner: LogSink;
  readonly #lines: number;
  readonly #waiting: Buffer[] = [];
  #isClosed = false;
  #isFlushing = false;

  constructor(inner: LogSink, lines: number) {
    this.#inner = inner;
    this.#lines = lines;
  }

  async send(message: Buffer): Promise<boolean> {
    if (this.#waiting.length >= this.#lines) return false;
    this.#waiting.push(message);
    if (!this.#isFlushing) void this.#flush();
    return true;
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    for (let [next] = this.#waiting; next !== undefined && !this.#isClosed; [next] = this.#waiting) {
      if (await this.#inner.send(next)) this.#waiting.shift();
      else await sleep(RETRY_MS, undefined, { ref: false });
    }
    this.#isFlushing = false;
    if (this.#isClosed) this.#inner[Symbol.dispose]();
  }

  /** The last line has just been handed over: a receiver that is there gets it. */
  [Symbol.dispose](): void {
    setTimeout(() => {
      this.#isClosed = true;
      if (!this.#isFlushing) this.#inner[Symbol.dispose]();
    }, RETRY_MS).unref();
  }
}
