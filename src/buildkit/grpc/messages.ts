import type { Duplex } from "node:stream";
import { Deframer } from "./framing.ts";

/** Enough to keep a reader busy; the stream is paused above it. */
const MAX_QUEUED_BYTES = 1 << 20;

/**
 * The messages of an HTTP/2 stream. Leaving the loop early does not destroy the stream (a `for await` over the stream
 * itself would: the peer then sees RST_STREAM instead of the answer); what comes later is dropped then.
 */
export class MessageReader implements AsyncIterable<Buffer> {
  readonly #stream: Duplex;
  readonly #deframer = new Deframer();
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #wake = Promise.withResolvers<void>();
  #ended = false;
  #failure: unknown;
  #isDropping = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.#finish(this.#deframer.isAtBoundary ? undefined : new Error("unexpected EOF")));
    stream.on("error", (error: Error) => this.#finish(error));
    stream.on("close", () => this.#finish(undefined));
  }

  /** The next message; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) {
        this.#queuedBytes -= message.length;
        if (this.#queue.length === 0) this.#stream.resume();
        return message;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await this.#wake.promise;
    }
  }

  /** All that is here, at least one; undefined at the end. */
  async nextBatch(): Promise<readonly Buffer[] | undefined> {
    const first = await this.next();
    if (first === undefined) return undefined;
    const batch = [first, ...this.#queue];
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#stream.resume();
    return batch;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (let message = await this.next(); message !== undefined; message = await this.next()) yield message;
    } finally {
      this.drop();
    }
  }

  /** Nothing more is wanted: what comes is read and forgotten, so that the peer is not held up. */
  drop(): void {
    this.#isDropping = true;
    this.#queue = [];
    this.#stream.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#isDropping) return;
    try {
      for (const message of this.#deframer.push(chunk)) {
        this.#queue.push(message);
        this.#queuedBytes += message.length;
      }
    } catch (error) {
      this.#finish(error);
      this.drop();
      return;
    }
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#stream.pause();
    this.#kick();
  }

  #finish(failure: unknown): void {
    if (this.#ended) return;
    this.#failure = failure;
    this.#ended = true;
    this.#kick();
  }

  #kick(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }
}
