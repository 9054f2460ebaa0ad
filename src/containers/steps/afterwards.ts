const DELAY_MS = 10;

/**
 * Work that nobody waits for: done while the processor waits for a step's process, or at the latest after a moment. In a row
 * of steps the next one begins sooner for it.
 */
export class Afterwards {
  readonly #report: (error: unknown) => void;
  readonly #pending: (() => Promise<void> | void)[] = [];
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  add(work: () => Promise<void> | void): void {
    this.#pending.push(work);
    this.#timer ??= setTimeout(() => this.begin(), DELAY_MS);
  }

  /** Begins what is pending. */
  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const work of this.#pending.splice(0)) {
      const running = Promise.try(work)
        .catch(this.#report)
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  /** Begins what is pending, and resolves when all has ended. */
  async settle(): Promise<void> {
    this.begin();
    await Promise.all(this.#running);
  }
}
