import type { BlobWriter } from "#content";
import { categoryOf, EngineError, ErrorCode, findEngineError } from "#errors";
import { completeFile, createGrowingFile } from "#layers";
import type { IngestedLayer } from "#layers";
import type { Descriptor, DiffId } from "#oci";
import type { RepositoryReader } from "#remote";
import type { ImageContext } from "../context.ts";
import { download } from "./download.ts";
import { layerProgress, shortId } from "../layerProgress.ts";
import type { LayerProgress } from "../layerProgress.ts";
import type { SharedRun } from "./sharedWork.ts";
import type { Slots } from "./slots.ts";

/** One layer that the layer store lacks. The caller's lease holds blob, ingest and layer already. */
export interface LayerFetch {
  readonly context: ImageContext;
  readonly repository: RepositoryReader;
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  /** For the part that needs the network. */
  readonly slots: Slots;
}

/** After these the bytes that came are of no use, or their room is needed. */
const SPOILED: ReadonlySet<string> = new Set(["data_loss", "invalid_argument", "resource_exhausted"]);

/**
 * Blob into the content store and layer into the layer store, at once: the layer is made behind the growing file of the
 * download. When it fails neither exists; what came over a cut line stays for the next pull.
 */
export async function fetchLayer(fetch: LayerFetch, run: SharedRun): Promise<void> {
  const { context, descriptor, diffId } = fetch;
  const lines = layerProgress(run.progress, shortId(descriptor.digest));
  const isHere = (await context.content.info(descriptor.digest)) !== undefined;
  const { blob } = await (isHere ? fromContent : fromNetwork)(fetch, run, lines).catch((error: unknown) => {
    throw asLayerError(error, descriptor);
  });
  const { compression, digest, size } = blob;
  context.metadata.layers.putCompressed({ diffId, compression, blob: { digest, size } });
  lines.status("Pull complete");
}

/** Bytes that are no layer are told with the blob they came in; wrong digests and sizes name it already. */
function asLayerError(error: unknown, { digest }: Descriptor): unknown {
  const inner = findEngineError(error);
  if (inner === undefined || !SPOILED.has(inner.category) || inner.category === "resource_exhausted") return error;
  if (inner.code === ErrorCode.DIGEST_MISMATCH || inner.code === ErrorCode.SIZE_MISMATCH) return error;
  const message = `failed to register layer: blob ${digest}: ${inner.message}`;
  return new EngineError(inner.category, inner.code, message, { cause: error });
}

async function fromContent(fetch: LayerFetch, run: SharedRun, lines: LayerProgress): Promise<IngestedLayer> {
  const { context, descriptor, diffId } = fetch;
  const { digest, size } = descriptor;
  lines.status("Download complete");
  return await context.layers.ingestBlob({
    source: completeFile(await context.content.path(digest), size),
    expected: { diffId, blobDigest: digest, blobSize: size },
    signal: run.signal,
    onProgress: (bytes) => lines.bytes("Extracting", bytes, size),
  });
}

async function fromNetwork(fetch: LayerFetch, run: SharedRun, lines: LayerProgress): Promise<IngestedLayer> {
  const { digest, size } = fetch.descriptor;
  for (;;) {
    await using writer = await fetch.context.content.openIngest(digest);
    if (writer.offset > size) await writer.truncate();
    const isResumed = writer.offset > 0;
    try {
      const layer = await new Arrival(fetch, run, { writer, lines }).run();
      await writer.commit({ digest, size, verified: layer.blob.digest });
      return layer;
    } catch (error) {
      if (!SPOILED.has(categoryOf(error))) throw error;
      await writer.abort();
      // What an earlier daemon left may be what is wrong: once more from the start.
      if (!isResumed || categoryOf(error) === "resource_exhausted") throw error;
    }
  }
}

/** One blob that is fetched into an ingest and made a layer meanwhile. */
class Arrival {
  readonly #fetch: LayerFetch;
  readonly #run: SharedRun;
  readonly #writer: BlobWriter;
  readonly #lines: LayerProgress;
  /** Fires when the bytes proved to be no layer: the rest need not be fetched. */
  readonly #broken = new AbortController();
  #isDownloaded = false;

  constructor(fetch: LayerFetch, run: SharedRun, to: { readonly writer: BlobWriter; readonly lines: LayerProgress }) {
    this.#fetch = fetch;
    this.#run = run;
    this.#writer = to.writer;
    this.#lines = to.lines;
  }

  async run(): Promise<IngestedLayer> {
    const { unpacked } = await this.#fetch.slots.run(() => this.#receive(), this.#run.signal);
    return await unpacked;
  }

  /** Ends with the download; the layer may take longer. Its failure is met by who awaits it. */
  async #receive(): Promise<{ readonly unpacked: Promise<IngestedLayer> }> {
    const growing = createGrowingFile(this.#writer.path, { available: this.#writer.offset });
    const unpacked = this.#unpack(growing.file);
    unpacked.catch((error: unknown) => this.#broken.abort(error));
    try {
      await this.#download(growing);
      growing.finish();
    } catch (error) {
      const failure: unknown = this.#broken.signal.aborted ? this.#broken.signal.reason : error;
      growing.fail();
      await unpacked.catch(() => undefined); // it ended because of the download
      throw failure;
    }
    return { unpacked };
  }

  async #download(growing: Parameters<typeof download>[0]["growing"]): Promise<void> {
    const { repository, descriptor, context } = this.#fetch;
    await download({
      repository,
      descriptor,
      writer: this.#writer,
      growing,
      lines: this.#lines,
      attempts: context.limits.attempts,
      signal: AbortSignal.any([this.#run.signal, this.#broken.signal]),
    });
    this.#isDownloaded = true;
    this.#lines.status("Verifying Checksum");
    this.#lines.status("Download complete");
  }

  #unpack(source: ReturnType<typeof createGrowingFile>["file"]): Promise<IngestedLayer> {
    const { context, descriptor, diffId } = this.#fetch;
    const { digest, size } = descriptor;
    return context.layers.ingestBlob({
      source,
      expected: { diffId, blobDigest: digest, blobSize: size },
      signal: this.#run.signal,
      onProgress: (bytes) => {
        if (this.#isDownloaded) this.#lines.bytes("Extracting", bytes, size);
      },
    });
  }
}
