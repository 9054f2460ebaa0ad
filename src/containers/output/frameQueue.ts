import type { OutputFrame } from "../containerService.ts";

/** Bytes that one client may lag behind before the container has to wait for it, as with Docker. */
const MAX_QUEUED_BYTES = 1 << 20;

/** Frames on their way to one client. */
export class FrameQueue implements AsyncIterable<OutputFrame> {
  readonly #frames: OutputFrame[] = [];
  readonly #onRoom: () => void;
  readonly #dropAbove: number | undefined;
  #bytes = 0;
  #ended = false;
  #dropped = 0;
  #wake: (() => void) | undefined;

  /** `onRoom` is called when a full queue has room again; one with `dropAbove` bytes drops what comes then, and is never full. */
  constructor(onRoom: () => void, dropAbove?: number) {
    this.#onRoom = onRoom;
    this.#dropAbove = dropAbove;
  }

  /** Bytes that found no room. */
  get dropped(): number {
    return this.#dropped;
  }

  get isFull(): boolean {
    return this.#dropAbove === undefined && this.#bytes >= MAX_QUEUED_BYTES && !this.#ended;
  }

  push(frame: OutputFrame): void {
    if (this.#ended) return;
    if (this.#bytes > 0 && this.#bytes + frame.bytes.byteLength > (this.#dropAbove ?? Infinity)) {
      this.#dropped += frame.bytes.byteLength;
      return;
    }
    this.#frames.push(frame);
    this.#bytes += frame.bytes.byteLength;
    this.#wake?.();
  }

  /** What was pushed is still delivered. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** The client is gone: what was pushed is dropped. */
  discard(): void {
    this.#frames.length = 0;
    this.#bytes = 0;
    this.end();
    this.#onRoom();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputFrame> {
    for (;;) {
      const batch = this.#frames.splice(0);
      if (batch.length === 0 && this.#ended) return;
      if (batch.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
      for (const frame of batch) {
        yield frame;
        const wasFull = this.isFull;
        this.#bytes = Math.max(0, this.#bytes - frame.bytes.byteLength);
        if (wasFull && !this.isFull) this.#onRoom();
      }
    }
  }
}
