import { createRing, resetRing } from "./ring.ts";
import type { Ring } from "./ring.ts";

const IDLE_MS = 20_000;

/**
 * Rings that were used and can be used again. A worker's garbage collector does not know how large shared memory is and
 * would keep megabytes of dead rings for hours.
 */
export class RingShelf {
  readonly #rings: Ring[] = [];
  #timer: NodeJS.Timeout | undefined;

  take(): Ring {
    const ring = this.#rings.pop();
    if (ring === undefined) return createRing();
    resetRing(ring);
    return ring;
  }

  /** Only when both ends are done with it. */
  giveBack(ring: Ring): void {
    this.#rings.push(ring);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#rings.length = 0;
    }, IDLE_MS).unref();
  }
}
