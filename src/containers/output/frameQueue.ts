import type { OutputFrame } from "../containerService.ts";

/** Bytes that one client may lag behind before the container has to wait for it, as with Docker. */
const MAX_QUEUED_BYTES = 1 << 20;

/** Frames on their way to one client. */
export class FrameQueue implements AsyncIterable<OutputFrame> {
  readonly #frames: OutputFrame[] = [];
  readonly #onRoom: () => void;
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** `onRoom` is called when a full queue has room again. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_QUEUED_BYTES && !this.#ended;
  }

  push(frame: OutputFrame): void {
    if (this.#ended) return;
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
