import { EngineError, ErrorCode } from "#errors";
import type { IndexedTar } from "./jobs.ts";
import type { TarFeed } from "./layerStore.ts";
import { RingProducer, SLOT_BYTES } from "./ring.ts";
import { StopFlag } from "./stopFlag.ts";
import type { StoreContext } from "./storeContext.ts";
import type { Temporary } from "./temporaries.ts";
import type { WorkerGroup } from "./workerPool.ts";

/** A tar that comes in piece by piece is hashed with sha256: nobody has named a digest yet. */
export const SINK_ALGORITHM = "sha256";

/** Main thread's end of a tar: copies chunks into a ring; one worker behind it hashes, writes and indexes a temporary layer file. */
export class TarSink implements AsyncDisposable {
  readonly path: string;
  readonly #group: WorkerGroup;
  readonly #temporary: Temporary;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = new StopFlag();
  readonly #ring: RingProducer;
  readonly #feed: TarFeed;
  readonly #giveBack: () => void;
  readonly #indexed: Promise<IndexedTar>;
  readonly #onAbort = (): void => this.#stop.raise();
  #failure: unknown;
  #slot: Buffer | undefined;
  #used = 0;
  #bytes = 0;
  #closed: Promise<void> | undefined;

  /** Waits for a worker. */
  static async open(store: StoreContext, signal?: AbortSignal): Promise<TarSink> {
    const group = await store.pool.acquire(1);
    try {
      return new TarSink(store, group, await store.temporaries.create(), signal);
    } catch (error) {
      group[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(store: StoreContext, group: WorkerGroup, temporary: Temporary, signal: AbortSignal | undefined) {
    this.#group = group;
    this.#temporary = temporary;
    this.path = temporary.path;
    this.#signal = signal;
    const ring = store.rings.take();
    this.#giveBack = () => store.rings.giveBack(ring);
    this.#ring = new RingProducer(ring);
    this.#feed = { ring, stop: this.#stop.cell };
    this.#indexed = group.run({
      kind: "index",
      source: { from: "ring", ring },
      path: temporary.path,
      algorithm: SINK_ALGORITHM,
      maxTarBytes: store.maxTarBytes,
      stop: this.#stop.cell,
    });
    this.#indexed.catch((error: unknown) => {
      this.#failure = error;
      // Whoever feeds from another thread waits for room that nobody makes any more.
      this.#stop.raise();
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#stop.raise();
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#checkOpen();
    for (let at = this.#copy(chunk, 0); at < chunk.length; at = this.#copy(chunk, at)) {
      if (this.#failure !== undefined) break;
      await this.#ring.freed();
      this.#checkOpen();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** See `LayerTarWriter.feed`. */
  async feed(work: (feed: TarFeed) => Promise<unknown>): Promise<void> {
    this.#checkOpen();
    try {
      await work(this.#feed);
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  /** The ring is another tar's by then. */
  #checkOpen(): void {
    if (this.#closed !== undefined)
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "the tar was given up: it takes no more bytes");
  }

  /** Ends the tar; resolves when the layer file at `path` is whole. */
  finish(): Promise<IndexedTar> {
    if (this.#used > 0) this.#publish();
    this.#ring.end();
    return this.#indexed;
  }

  /** Stops the worker and removes the temporary file, if it was not renamed. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stop.raise();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    await this.#indexed.catch(() => undefined);
    // Not before: we write into it ourselves until here.
    this.#giveBack();
    this.#group[Symbol.dispose]();
    await this.#temporary[Symbol.asyncDispose]();
  }

  /** Copies from `from` while there is room; where it stopped. */
  #copy(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      this.#slot ??= this.#ring.tryAcquire();
      if (this.#slot === undefined) break;
      const part = chunk.subarray(at, at + SLOT_BYTES - this.#used);
      this.#slot.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === SLOT_BYTES) this.#publish();
    }
    this.#bytes += at - from;
    return at;
  }

  #publish(): void {
    this.#ring.publish(this.#used);
    this.#slot = undefined;
    this.#used = 0;
  }
}
