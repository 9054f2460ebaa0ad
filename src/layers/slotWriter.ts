import { RingProducer, SLOT_BYTES } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { StopFlag } from "./stopFlag.ts";

/** Fills a ring's slots to the brim, whatever the sizes of the pieces; worker threads only. */
export class SlotWriter {
  readonly #ring: RingProducer;
  readonly #stop: StopFlag;
  #slot: Buffer | undefined;
  #used = 0;

  constructor(ring: Ring, stop: StopFlag) {
    this.#ring = new RingProducer(ring);
    this.#stop = stop;
  }

  /** The free rest of the current slot, never empty; fill it from its start and say how much with {@link wrote}. */
  room(): Buffer {
    this.#slot ??= this.#ring.acquire(this.#stop);
    return this.#used === 0 ? this.#slot : this.#slot.subarray(this.#used);
  }

  wrote(bytes: number): void {
    this.#used += bytes;
    if (this.#used === SLOT_BYTES) this.#publish();
  }

  write(bytes: Uint8Array): void {
    // Most of a tar is small pieces: views of them cost more than their bytes.
    if (this.#slot !== undefined && this.#used + bytes.length < SLOT_BYTES) {
      this.#slot.set(bytes, this.#used);
      this.#used += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const room = this.room();
      const part = bytes.subarray(at, at + room.length);
      room.set(part);
      this.wrote(part.length);
      at += part.length;
    }
  }

  end(): void {
    if (this.#used > 0) this.#publish();
    this.#ring.end();
  }

  #publish(): void {
    this.#ring.publish(this.#used);
    this.#slot = undefined;
    this.#used = 0;
  }
}
