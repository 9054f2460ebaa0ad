import { setTimeout as sleep } from "node:timers/promises";

/** More at once finish no sooner on the cores there are, and hold the event loop: the API would not answer meanwhile. */
const AT_ONCE = 4;
/** What takes longer waits for something else than us, and must not hold up others. */
const PATIENCE_MS = 1000;

/** Starts of containers that are under way, a few at a time, first come first served. */
export class StartQueue {
  readonly #waiting: (() => void)[] = [];
  #free = AT_ONCE;

  /** Does `work` when there is room for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    const working = work();
    const done = new AbortController();
    const late = sleep(PATIENCE_MS, undefined, { signal: done.signal, ref: false }).catch(() => undefined);
    void Promise.race([working.catch(() => undefined), late]).then(() => this.#leave());
    return working.finally(() => done.abort());
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    // Requests that came meanwhile are answered first.
    else setImmediate(next);
  }
}
