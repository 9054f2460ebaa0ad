interface Loan {
  borrowers: number;
  /** False: nobody but the borrowers wants the mount. */
  owned: boolean;
}

/** Who has a top mounted: its owner (a container that runs), and any number of borrowers beside. */
export class Borrowers {
  readonly #loans = new Map<string, Loan>();

  lent(id: string): boolean {
    return this.#loans.has(id);
  }

  /** True when the mount is there for borrowers alone. */
  onlyLent(id: string): boolean {
    return this.#loans.get(id)?.owned === false;
  }

  /** `free`: it was not mounted before. */
  take(id: string, free: boolean): void {
    const loan = this.#loans.get(id);
    if (loan === undefined) this.#loans.set(id, { borrowers: 1, owned: !free });
    else loan.borrowers += 1;
  }

  /** The owner mounts. */
  own(id: string): void {
    const loan = this.#loans.get(id);
    if (loan !== undefined) loan.owned = true;
  }

  /** The owner is done with it. */
  leave(id: string): void {
    const loan = this.#loans.get(id);
    if (loan !== undefined) loan.owned = false;
  }

  /** True when nobody has it any more and it is to be unmounted. */
  giveBack(id: string): boolean {
    const loan = this.#loans.get(id);
    if (loan === undefined) return false;
    loan.borrowers -= 1;
    if (loan.borrowers > 0) return false;
    this.#loans.delete(id);
    return !loan.owned;
  }

  /** It is being removed under its borrowers. */
  forget(id: string): void {
    this.#loans.delete(id);
  }
}
