import type { Compression, DiffId, Digest } from "#oci";
import type { ExpectedLayer, GrowingFile, IngestedLayer, LayerInfo } from "./layer.ts";
import type { LayerIndexFile } from "./layerIndexBytes.ts";
import type { LayerReader, MergedView } from "./mergedView.ts";
import type { Ring } from "./ring.ts";

/**
 * Layers by diffID, each one file `layers/<hex>`: `[4 KiB head][tar, verbatim][EROFS metadata]` (ADR 0003).
 *
 * Lifecycle: an ingest writes `layers/tmp/<id>`: tar first, metadata behind it, head last; then diffID and size are
 * verified, the file is renamed into place and the row is put: from then on the layer exists, whole and for ever the same.
 * A crash before the rename leaves a temporary file, one between rename and row a file that no row names; `openLayerStore`
 * sweeps both. Rows carry `synced: false` until {@link LayerMaintenance.syncUnsynced} flushed the filesystem.
 *
 * All heavy work (inflate, hash, scan, index, write) runs in worker threads, which end by themselves when idle.
 */
export interface LayerStore extends LayerReads, LayerIngests, LayerMaintenance, AsyncDisposable {}

/** Reading role. */
export interface LayerReads {
  /** undefined when the layer is not here. */
  get(diffId: DiffId): LayerInfo | undefined;
  list(): readonly LayerInfo[];
  /** Path of the layer file: for a mount, or for workers. @throws {not_found} LAYER_NOT_FOUND */
  path(diffId: DiffId): string;
  /**
   * The exact tar that came in, from `offset` (default 0), in chunks of at most 1 MiB that belong to the receiver.
   * @throws {not_found} LAYER_NOT_FOUND
   */
  readTar(diffId: DiffId, options?: ReadTarOptions): AsyncIterable<Uint8Array>;
  /** The layer's own tree, without the layers below it. The caller disposes it. @throws {not_found} LAYER_NOT_FOUND */
  openReader(diffId: DiffId): Promise<LayerReader>;
  /** The bytes of a layer's index, to be read elsewhere. The caller disposes it. @throws {not_found} LAYER_NOT_FOUND */
  openIndex(diffId: DiffId): Promise<LayerIndexFile>;
  /** What a container would see of a stack (base first), without a mount. The caller disposes it. @throws {not_found} */
  openView(diffIds: readonly DiffId[]): Promise<MergedView>;
  /**
   * The layer's tar compressed on all cores. The same tar, algorithm and level give the same bytes however many cores
   * there are; another release of the compression library may give others, so callers remember the digest.
   * @throws {not_found} LAYER_NOT_FOUND; {cancelled}; what `write` throws
   */
  compress(diffId: DiffId, options: CompressOptions): Promise<CompressedResult>;
}

export interface ReadTarOptions {
  /** bytes from the start of the tar; default 0 */
  readonly offset?: number;
  readonly signal?: AbortSignal;
}

export interface CompressOptions {
  readonly compression: Exclude<Compression, "none">;
  /** gzip 1…9, zstd 1…19; default see ADR 0003. */
  readonly level?: number;
  readonly signal?: AbortSignal;
  /**
   * Takes the compressed bytes in order, one call at a time; they stay as they are until its promise resolves. `tarBytes` says
   * how much of the tar is in what was written with them.
   */
  readonly write: (chunk: Uint8Array, tarBytes: number) => Promise<void>;
}

export interface CompressedResult {
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
}

/** Writing role. */
export interface LayerIngests {
  /**
   * Makes a layer out of a blob that may still be downloading. Magic bytes decide the compression, whatever a media type
   * says. Ingesting what exists verifies and succeeds; of two at a time both succeed and one file stays.
   * @throws {data_loss} DIGEST_MISMATCH, SIZE_MISMATCH, INVALID_COMPRESSION, TAR_TRUNCATED
   * @throws {invalid_argument} INVALID_TAR, PATH_ESCAPE @throws {resource_exhausted} TAR_LIMIT, LAYER_LIMIT, NO_SPACE
   * @throws {cancelled} when `signal` fires @throws {aborted} when the source failed. Nothing is left behind in any case.
   */
  ingestBlob(job: BlobIngest): Promise<IngestedLayer>;
  /** Receives a plain tar of unknown length: load, import, commit, COPY. */
  ingestTar(options?: TarIngestOptions): Promise<LayerTarWriter>;
  /**
   * Writes a layer file that has no diffID and no row to `path` (temporary file beside it, then rename): the synthesized
   * lower of a stack ("fixup", ADR 0003). Replaces what is there.
   */
  writeLayerFile(path: string, tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<LayerFileInfo>;
}

export interface BlobIngest extends TarIngestOptions {
  readonly source: GrowingFile;
  readonly expected?: ExpectedLayer;
  /** About ten times a second: bytes of the blob that were decompressed so far. */
  readonly onProgress?: (processedBytes: number) => void;
}

export interface TarIngestOptions {
  readonly signal?: AbortSignal;
  /** Told the layer's name when all is verified, just before the layer becomes visible: the moment to put it under a lease. */
  readonly onVerified?: (diffId: DiffId) => void;
}

/** Takes a tar byte by byte into a layer file. Disposing without commit removes what was written. */
export interface LayerTarWriter extends AsyncDisposable {
  /** Bytes that {@link write} took so far. */
  readonly bytes: number;
  /** Appends; the chunk may be reused as soon as the call returned. Resolves when there is room for more: await it. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Has another thread write, without a turn through this one: `work` hands the feed to a worker (`openTarFeed`) and
   * resolves when that has written all. Nothing is to be `write`n before or after. @throws what the layer failed with,
   * else what `work` throws
   */
  feed(work: (feed: TarFeed) => Promise<unknown>): Promise<void>;
  /** Ends the tar, verifies, publishes. @throws as {@link LayerIngests.ingestBlob} */
  commit(expected?: ExpectedLayer): Promise<IngestedLayer>;
  /** Idempotent; does nothing after commit. */
  abort(): Promise<void>;
}

/** May be posted to a worker. */
export interface TarFeed {
  readonly ring: Ring;
  readonly stop: SharedArrayBuffer;
}

export interface TarFeedWriter {
  /** Appends; the bytes may be reused. Waits while there is no room. @throws {cancelled} when the layer was given up */
  write(bytes: Uint8Array): void;
  /** No more comes. */
  end(): void;
}

/** A layer file outside the store's namespace. */
export interface LayerFileInfo {
  readonly tarBytes: number;
  readonly fileBytes: number;
  readonly inodes: number;
}

/** For GC, boot and the daemon's background work. */
export interface LayerMaintenance {
  /** Removes row and file; a mount of it stays usable until unmounted. Idempotent. */
  remove(diffId: DiffId): Promise<void>;
  /** Flushes the filesystem and marks every row that was there before as synced. */
  syncUnsynced(): Promise<void>;
  /** After an unclean boot: re-hashes what was not synced, drops what is damaged and returns it. */
  verifyUnsynced(signal?: AbortSignal): Promise<readonly DiffId[]>;
  /** Starts the workers of one ingest ahead of need, e.g. while a manifest is being fetched. */
  warm(): void;
  /** Ends the workers; running ingests are aborted. */
  close(): Promise<void>;
}
