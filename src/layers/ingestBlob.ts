import { EngineError, ErrorCode } from "#errors";
import { parseDigest } from "#oci";
import type { Compression } from "#oci";
import { algorithmFor, checkDigest, checkSize } from "./expectations.ts";
import type { ByteSource, FileSource, HashAlgorithm, HashedBytes, IndexedTar } from "./jobs.ts";
import type { IngestedLayer, LayerInfo } from "./layer.ts";
import { diffIdOf, toLayerInfo } from "./layerInfo.ts";
import type { BlobIngest } from "./layerStore.ts";
import { publishLayer } from "./publishLayer.ts";
import { sniffCompression } from "./sniffCompression.ts";
import { StopFlag } from "./stopFlag.ts";
import type { StoreContext } from "./storeContext.ts";
import { together } from "./workerPool.ts";
import type { WorkerGroup } from "./workerPool.ts";

const PROGRESS_MS = 100;

/** See `LayerIngests.ingestBlob`. */
export async function ingestBlob(store: StoreContext, job: BlobIngest): Promise<IngestedLayer> {
  store.pool.warm(WORKERS_OF_AN_INGEST);
  const compression = await sniffCompression(job.source, job.signal);
  return new BlobIngestion(store, job, compression).run();
}

/** Inflate, hash of the blob, index: each its thread. */
export const WORKERS_OF_AN_INGEST = 3;

/** What both ways through a blob bring: the tar's outcome and the blob's hash. */
interface Received<T> {
  readonly tar: T;
  readonly blob: HashedBytes;
}

/** One blob on its way into the store. */
class BlobIngestion {
  readonly #store: StoreContext;
  readonly #job: BlobIngest;
  readonly #compression: Compression;
  readonly #stop = new StopFlag();
  readonly #source: FileSource;
  readonly #processed: Float64Array;
  readonly #tarAlgorithm: HashAlgorithm;
  readonly #blobAlgorithm: HashAlgorithm;

  constructor(store: StoreContext, job: BlobIngest, compression: Compression) {
    this.#store = store;
    this.#job = job;
    this.#compression = compression;
    const processed = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
    this.#processed = new Float64Array(processed);
    this.#source = { from: "file", file: job.source, processed };
    this.#tarAlgorithm = algorithmFor(job.expected?.diffId);
    this.#blobAlgorithm = algorithmFor(job.expected?.blobDigest);
  }

  async run(): Promise<IngestedLayer> {
    const { signal } = this.#job;
    const onAbort = (): void => this.#stop.raise();
    signal?.addEventListener("abort", onAbort, { once: true });
    using _progress = this.#reportProgress();
    try {
      using group = await this.#store.pool.acquire(this.#workers());
      if (signal?.aborted === true) throw new EngineError("cancelled", ErrorCode.CANCELLED, "layer ingest cancelled");
      const known = this.#known();
      return known === undefined ? await this.#ingest(group) : await this.#verify(group, known);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** A plain blob is its tar: one hash serves both, if they use the same algorithm. */
  #isHashedOnce(): boolean {
    return this.#compression === "none" && this.#blobAlgorithm === this.#tarAlgorithm;
  }

  #workers(): number {
    if (this.#compression !== "none") return WORKERS_OF_AN_INGEST;
    return this.#isHashedOnce() ? 1 : 2;
  }

  #known(): LayerInfo | undefined {
    const expected = this.#job.expected?.diffId;
    const record = expected === undefined ? undefined : this.#store.records.get(expected);
    return record === undefined ? undefined : toLayerInfo(record);
  }

  async #ingest(group: WorkerGroup): Promise<IngestedLayer> {
    await using temporary = await this.#store.temporaries.create();
    const { tar, blob } = await this.#receive<IndexedTar>(group, (source) =>
      group.run({
        kind: "index",
        source,
        path: temporary.path,
        algorithm: this.#tarAlgorithm,
        maxTarBytes: this.#store.maxTarBytes,
        stop: this.#stop.cell,
      }),
    );
    const result = this.#check(tar.tarHex, blob);
    this.#job.onVerified?.(diffIdOf(tar.tarHex, this.#tarAlgorithm));
    return { layer: await publishLayer(this.#store, temporary.path, tar, this.#tarAlgorithm), blob: result };
  }

  /** The layer is here: the blob is only proved to be a form of it. */
  async #verify(group: WorkerGroup, layer: LayerInfo): Promise<IngestedLayer> {
    const { tar, blob } = await this.#receive<HashedBytes>(group, (source) =>
      group.run({ kind: "hash", source, algorithm: this.#tarAlgorithm, stop: this.#stop.cell }),
    );
    return { layer, blob: this.#check(tar.hex, blob) };
  }

  async #receive<T extends IndexedTar | HashedBytes>(
    group: WorkerGroup,
    consume: (source: ByteSource) => Promise<T>,
  ): Promise<Received<T>> {
    const stop = this.#stop.cell;
    const hashBlob = (): Promise<HashedBytes> =>
      group.run({ kind: "hash", source: this.#source, algorithm: this.#blobAlgorithm, stop });
    if (this.#isHashedOnce()) {
      const [tar] = await together(this.#stop, [consume(this.#source)]);
      return { tar, blob: asBlob(tar) };
    }
    if (this.#compression === "none") {
      const [tar, blob] = await together(this.#stop, [consume(this.#source), hashBlob()]);
      return { tar, blob };
    }
    const ring = this.#store.rings.take();
    try {
      const [tar, blob] = await together(this.#stop, [
        consume({ from: "ring", ring }),
        hashBlob(),
        group.run({ kind: "inflate", source: this.#source, compression: this.#compression, ring, stop }),
      ]);
      return { tar, blob };
    } finally {
      this.#store.rings.giveBack(ring);
    }
  }

  #check(tarHex: string, blob: HashedBytes): IngestedLayer["blob"] {
    const { diffId, blobDigest, blobSize } = this.#job.expected ?? {};
    const digest = parseDigest(`${this.#blobAlgorithm}:${blob.hex}`);
    checkSize(blobSize, blob.bytes);
    checkDigest("blob", blobDigest, digest);
    checkDigest("layer", diffId, diffIdOf(tarHex, this.#tarAlgorithm));
    return { digest, size: blob.bytes, compression: this.#compression };
  }

  #reportProgress(): Disposable {
    const { onProgress } = this.#job;
    const timer =
      onProgress === undefined ? undefined : setInterval(() => onProgress(this.#processed[0] ?? 0), PROGRESS_MS);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
}

function asBlob(tar: IndexedTar | HashedBytes): HashedBytes {
  return "hex" in tar ? tar : { hex: tar.tarHex, bytes: tar.tarBytes };
}
