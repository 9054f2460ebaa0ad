/**
 * One step a round of the event loop. A start is made of synchronous steps of 1 to 4 ms (mount, namespace, spawn); those of
 * several starts would run in one round, and requests that came meanwhile wait for all of them. The first one never waits.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  /** Resolves when it is the caller's turn: until its next wait it is the only one of the round. */
  take(): Promise<void> {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#begin();
    return Promise.resolve();
  }

  #begin(): void {
    this.#taken = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#taken = false;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#begin();
    next();
  }
}
