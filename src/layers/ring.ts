import type { StopFlag } from "./stopFlag.ts";

/* Single producer, single consumer, fixed slots in shared memory. 4 MiB in flight stay in the cache; larger slots measured no faster. */
export const SLOT_BYTES: number = 1 << 18;
const SLOTS = 16;
/* Int32 cells of `control`: slots produced, slots consumed, end flag, sequence that the producer bumps, the fill of each slot. */
const PRODUCED = 0;
const CONSUMED = 1;
const ENDED = 2;
const SEQUENCE = 3;
const FILLS = 4;
/** How late a waiting end sees the stop flag. */
const WAIT_MS = 50;

/** The shared memory of a ring; may be posted to workers. */
export interface Ring {
  readonly data: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
}

export function createRing(): Ring {
  return {
    data: new SharedArrayBuffer(SLOT_BYTES * SLOTS),
    control: new SharedArrayBuffer((FILLS + SLOTS) * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Makes a used ring like new; neither end may be at work. */
export function resetRing(ring: Ring): void {
  new Int32Array(ring.control).fill(0);
}

class RingEnd {
  protected readonly control: Int32Array;
  readonly #slots: readonly Buffer[];

  constructor(ring: Ring) {
    this.control = new Int32Array(ring.control);
    this.#slots = Array.from({ length: SLOTS }, (_, index) => Buffer.from(ring.data, index * SLOT_BYTES, SLOT_BYTES));
  }

  protected load(cell: number): number {
    return Atomics.load(this.control, cell);
  }

  protected slot(sequence: number): Buffer {
    const slot = this.#slots[sequence % SLOTS];
    if (slot === undefined) throw new RangeError("ring slot out of range");
    return slot;
  }
}

/** The end that fills slots. */
export class RingProducer extends RingEnd {
  /** The next slot to fill, if the consumer left one. */
  tryAcquire(): Buffer | undefined {
    const produced = this.load(PRODUCED);
    return produced - this.load(CONSUMED) < SLOTS ? this.slot(produced) : undefined;
  }

  /** Blocks until a slot is free; worker threads only. */
  acquire(stop: StopFlag): Buffer {
    for (;;) {
      stop.check();
      const consumed = this.load(CONSUMED);
      const slot = this.tryAcquire();
      if (slot !== undefined) return slot;
      Atomics.wait(this.control, CONSUMED, consumed, WAIT_MS);
    }
  }

  /** Resolves when the consumer may have freed a slot; for the main thread, which must not block. */
  async freed(): Promise<void> {
    const consumed = this.load(CONSUMED);
    if (this.tryAcquire() !== undefined) return;
    await Atomics.waitAsync(this.control, CONSUMED, consumed, WAIT_MS).value;
  }

  /** Hands the acquired slot over, filled with `bytes` bytes. */
  publish(bytes: number): void {
    const produced = this.load(PRODUCED);
    this.control[FILLS + (produced % SLOTS)] = bytes;
    Atomics.store(this.control, PRODUCED, produced + 1);
    this.#wake();
  }

  end(): void {
    Atomics.store(this.control, ENDED, 1);
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.control, SEQUENCE, 1);
    Atomics.notify(this.control, SEQUENCE);
  }
}

/** The end that empties slots; worker threads only. */
export class RingConsumer extends RingEnd {
  /** Blocks for the next filled slot; undefined at the end. It is the consumer's until {@link release}. */
  take(stop: StopFlag): Buffer | undefined {
    const consumed = this.load(CONSUMED);
    for (;;) {
      stop.check();
      const sequence = this.load(SEQUENCE);
      // The end flag is read before the count: after it nothing is produced.
      const ended = this.load(ENDED) !== 0;
      const produced = this.load(PRODUCED);
      if (produced > consumed) {
        const fill = this.control[FILLS + (consumed % SLOTS)] ?? 0;
        const slot = this.slot(consumed);
        return fill === SLOT_BYTES ? slot : slot.subarray(0, fill);
      }
      if (ended) return undefined;
      Atomics.wait(this.control, SEQUENCE, sequence, WAIT_MS);
    }
  }

  release(): void {
    Atomics.add(this.control, CONSUMED, 1);
    Atomics.notify(this.control, CONSUMED);
  }
}
