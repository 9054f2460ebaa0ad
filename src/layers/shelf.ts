const IDLE_MS = 20_000;

/**
 * Shared memory that was used and can be used again. A worker's garbage collector does not know how large it is and
 * would keep megabytes of what is dead for hours.
 */
export class Shelf<T> {
  readonly #make: () => T;
  readonly #renew: (used: T) => void;
  readonly #things: T[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `renew` makes a used one like new. */
  constructor(make: () => T, renew: (used: T) => void = () => undefined) {
    this.#make = make;
    this.#renew = renew;
  }

  take(): T {
    const thing = this.#things.pop();
    if (thing === undefined) return this.#make();
    this.#renew(thing);
    return thing;
  }

  /** Only when all threads are done with it. */
  giveBack(thing: T): void {
    this.#things.push(thing);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#things.length = 0;
    }, IDLE_MS).unref();
  }
}
