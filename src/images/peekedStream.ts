/** A stream whose first bytes were looked at, and which still gives all of them. */
export class PeekedStream implements AsyncIterable<Uint8Array> {
  /** At least as many bytes as were asked for, unless the stream is shorter. */
  readonly head: Uint8Array;
  readonly #rest: AsyncIterator<Uint8Array>;

  private constructor(head: Uint8Array, rest: AsyncIterator<Uint8Array>) {
    this.head = head;
    this.#rest = rest;
  }

  static async open(source: AsyncIterable<Uint8Array>, bytes: number): Promise<PeekedStream> {
    const rest = source[Symbol.asyncIterator]();
    const chunks: Uint8Array[] = [];
    let length = 0;
    while (length < bytes) {
      const { done, value } = await rest.next();
      if (done === true) break;
      // A copy of what must be joined: the sender may reuse a chunk once the next is asked for.
      chunks.push(value.length >= bytes ? value : Buffer.from(value));
      length += value.length;
    }
    const [only] = chunks;
    return new PeekedStream(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks), rest);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      if (this.head.length > 0) yield this.head;
      for (let step = await this.#rest.next(); step.done !== true; step = await this.#rest.next()) yield step.value;
    } finally {
      await this.#rest.return?.();
    }
  }
}
