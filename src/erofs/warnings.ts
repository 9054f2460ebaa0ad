const MAX_KEPT = 20;

/** Notes about what a layer lost or changed, bounded because a hostile tar could make millions. */
export class Warnings {
  readonly #kept: string[] = [];
  #count = 0;

  add(message: string): void {
    this.#count += 1;
    if (this.#kept.length < MAX_KEPT) this.#kept.push(message);
  }

  /** The first ones; a last line tells how many more there were. */
  list(): readonly string[] {
    const more = this.#count - this.#kept.length;
    return more === 0 ? [...this.#kept] : [...this.#kept, `and ${more} more`];
  }
}
