/** Where bytes come from: told to stop and go on as the reader falls behind or catches up. */
export interface ByteSource {
  pause(): void;
  resume(): void;
  /** Lets go of the connection; must be idempotent. */
  close(): void;
}

/** How a queue is made. */
export interface ByteQueueOptions {
  /** Keeps small bodies from taking large memory. */
  readonly expectedBytes: number | undefined;
  /** How long a reader waits for any byte, and what it gets then. */
  readonly idleMs: number;
  readonly idleError: () => Error;
}

interface Slab {
  readonly buffer: Buffer;
  length: number;
}

const MAX_SLABS = 3;
const SLAB_BYTES = 512 << 10;
/** A waiting reader gets at least this much at once … */
const WORTHWHILE_BYTES = 256 << 10;
/** … or what is there after this long, so that slow lines still show progress. */
const PATIENCE_MS = 4;

/**
 * Joins the small pieces of a socket into few large chunks, in three buffers that are used again and again: fresh memory
 * for every chunk costs more (page faults) than copying into warm memory. A chunk is valid until the next is asked for.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #source: ByteSource;
  readonly #idleMs: number;
  readonly #idleError: () => Error;
  readonly #slabBytes: number;
  readonly #free: Buffer[] = [];
  readonly #ready: Slab[] = [];
  #filling: Slab | undefined;
  #held: Buffer | undefined;
  #spill: Uint8Array[] = [];
  #allocated = 0;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #patience: NodeJS.Timeout | undefined;
  #impatient = false;

  constructor(source: ByteSource, options: ByteQueueOptions) {
    this.#source = source;
    this.#idleMs = options.idleMs;
    this.#idleError = options.idleError;
    this.#slabBytes = Math.max(1, Math.min(SLAB_BYTES, options.expectedBytes ?? SLAB_BYTES));
  }

  /** Free memory for the next bytes; undefined when the reader must catch up first. Follow with {@link commit}. */
  space(): Buffer | undefined {
    if (this.#filling === undefined) {
      const buffer = this.#free.pop() ?? this.#allocate();
      if (buffer === undefined) return undefined;
      this.#filling = { buffer, length: 0 };
    }
    return this.#filling.buffer.subarray(this.#filling.length);
  }

  /** `length` bytes were put into {@link space}. */
  commit(length: number): void {
    if (this.#filling === undefined) return;
    this.#filling.length += length;
    if (this.#filling.length === this.#filling.buffer.length) {
      this.#ready.push(this.#filling);
      this.#filling = undefined;
    }
    if (this.space() === undefined) this.#pause();
    this.#arrived();
  }

  /** Copies bytes in; what has no room is kept aside and the source paused. */
  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const space = this.#spill.length > 0 ? undefined : this.space();
      if (space === undefined) {
        this.#spill.push(Uint8Array.from(rest));
        this.#pause();
        return;
      }
      const length = Math.min(space.length, rest.length);
      space.set(rest.subarray(0, length));
      this.commit(length);
      rest = rest.subarray(length);
    }
  }

  /** No more bytes will come; with an error, the reader gets it after the bytes that are here. */
  end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const slab = this.#take();
        if (slab !== undefined) yield slab.buffer.subarray(0, slab.length);
        else if (this.#ended) break;
        else await this.#arrival();
      }
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      this.#source.close();
    }
  }

  #allocate(): Buffer | undefined {
    if (this.#allocated === MAX_SLABS) return undefined;
    this.#allocated += 1;
    return Buffer.allocUnsafeSlow(this.#slabBytes);
  }

  #take(): Slab | undefined {
    if (this.#held !== undefined) {
      this.#free.push(this.#held);
      this.#held = undefined;
    }
    this.#refill();
    const slab = this.#ready.shift() ?? this.#takeUnfinished();
    this.#held = slab?.buffer;
    return slab;
  }

  #takeUnfinished(): Slab | undefined {
    const slab = this.#filling;
    if (slab === undefined || slab.length === 0) return undefined;
    if (!this.#ended && !this.#impatient && slab.length < WORTHWHILE_BYTES) return undefined;
    this.#filling = undefined;
    this.#impatient = false;
    return slab;
  }

  #refill(): void {
    const spilled = this.#spill;
    if (spilled.length > 0) {
      this.#spill = [];
      for (const bytes of spilled) this.push(bytes);
    }
    if (this.#paused && this.#spill.length === 0 && this.space() !== undefined) {
      this.#paused = false;
      this.#source.resume();
    }
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#source.pause();
  }

  #arrived(): void {
    const waiting = this.#filling?.length ?? 0;
    if (this.#ready.length > 0 || waiting >= WORTHWHILE_BYTES) this.#wake?.();
    else if (this.#wake !== undefined && waiting > 0) this.#patience ??= setTimeout(() => this.#hurry(), PATIENCE_MS);
  }

  #hurry(): void {
    this.#impatient = true;
    this.#wake?.();
  }

  async #arrival(): Promise<void> {
    let idle: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      idle = setTimeout(() => this.end(this.#idleError()), this.#idleMs);
      this.#arrived();
    });
    this.#wake = undefined;
    clearTimeout(idle);
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }
}
