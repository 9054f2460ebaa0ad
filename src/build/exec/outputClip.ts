const MAX_BYTES = 2 << 20;
const MAX_BYTES_A_SECOND = 200 << 10;
const MS_A_SECOND = 1000;

/**
 * Keeps one stream of a step from flooding clients, as BuildKit does: so many bytes a second since its beginning, and so many
 * in all. What is beyond is dropped, and said once each time it begins.
 */
export class OutputClip {
  readonly #now: () => number;
  readonly #startedAt: number;
  #bytes = 0;
  #isClipping = false;

  /** `now`: ms. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
  }

  /** What of the bytes is shown, with a note where they are cut; may be empty. */
  take(bytes: Uint8Array): Uint8Array {
    const before = this.#bytes;
    this.#bytes += bytes.length;
    const seconds = Math.ceil((this.#now() - this.#startedAt) / MS_A_SECOND);
    const bySpeed = seconds * MAX_BYTES_A_SECOND;
    const limit = Math.min(bySpeed, MAX_BYTES);
    const shown = bytes.subarray(0, Math.min(bytes.length, Math.max(0, limit - before)));
    const isWhole = shown.length === bytes.length;
    const begins = !isWhole && !this.#isClipping;
    this.#isClipping = !isWhole;
    if (!begins) return shown;
    const words = bySpeed > MAX_BYTES ? "2MiB" : "200KiB/s";
    return Buffer.concat([shown, Buffer.from(`\n[output clipped, log limit ${words} reached]\n`)]);
  }
}
