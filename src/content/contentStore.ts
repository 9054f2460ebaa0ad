import type { Digest } from "#oci";

/**
 * Blobs by digest, as an OCI image layout (image-spec 1.1, image-layout.md) under `content/`. Lifecycle: `openIngest(ref)` starts or resumes an unfinished
 * download kept in `content/ingest/<id>/`; `write` appends; `commit(expected)` verifies size and digest, renames the file
 * to `blobs/<algorithm>/<hex>` and makes it visible. A blob that is visible is whole and never changes. `ref` is the
 * caller's stable name for the download (e.g. the digest), so that a restarted daemon finds what it has. Two ingests of
 * one ref at a time: the second is refused with `unavailable` / INGEST_BUSY.
 */
export interface BlobInfo {
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
}

/** Reading role. */
export interface BlobReader {
  /** undefined when the blob is not here. */
  info(digest: Digest): Promise<BlobInfo | undefined>;
  /** Path of the committed file, for zero-copy readers and workers. @throws {not_found} */
  path(digest: Digest): Promise<string>;
  /**
   * Whole blob, its digest checked; for manifests and configs.
   * @throws {not_found}; {resource_exhausted} BLOB_TOO_LARGE when larger than maxBytes (default 8 MiB); {data_loss}
   * DIGEST_MISMATCH when the file is damaged.
   */
  read(digest: Digest, maxBytes?: number): Promise<Uint8Array>;
  /** Bytes from `offset` (default 0), in chunks of at most 1 MiB that belong to the receiver. @throws {not_found}, {cancelled} */
  stream(
    digest: Digest,
    options?: { readonly offset?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** An unfinished write. Disposing without commit keeps the data on disk for a later resume; `abort` removes it. */
export interface BlobWriter extends AsyncDisposable {
  readonly ref: string;
  /** The growing data file; payload starts at 0. Others may append to it instead of `write`; commit looks at the file. */
  readonly path: string;
  /** Bytes on disk that count: where a resumed download goes on. */
  readonly offset: number;
  /** Appends; resolves when the bytes are in the page cache. One at a time. @throws {resource_exhausted} NO_SPACE */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what is here and starts again at 0 (the server refused the range, or the prefix proved wrong). */
  truncate(): Promise<void>;
  /**
   * Verifies and publishes, and ends the writer. With `verified` the caller (an ingest worker) has already hashed exactly these bytes; else the
   * file is hashed here, off the event loop. Idempotent: success says that the blob *is* stored.
   * @throws {data_loss} DIGEST_MISMATCH or SIZE_MISMATCH; the ingest is removed then.
   */
  commit(expected: { readonly digest?: Digest; readonly size?: number; readonly verified?: Digest }): Promise<BlobInfo>;
  /** Removes the ingest and ends the writer. Idempotent. */
  abort(): Promise<void>;
}

/** Writing role. */
export interface BlobIngester {
  openIngest(ref: string): Promise<BlobWriter>;
  /** Small blobs (manifests, configs) in one go. Idempotent. @throws {data_loss} when `expected` differs. */
  put(bytes: Uint8Array, expected?: Digest): Promise<BlobInfo>;
}

/** For GC and `system df`. */
export interface BlobManager {
  /** Committed blobs in no order; foreign files beside them are passed over, never touched. */
  list(): AsyncIterable<BlobInfo>;
  /**
   * Idempotent. The blob is hidden before this returns its promise, so that "nobody holds it, remove it" is one step;
   * a commit of the same digest waits for it. The promise resolves when the name is gone; space is freed in the background.
   */
  remove(digest: Digest): Promise<void>;
  listIngests(): Promise<readonly IngestInfo[]>;
  /** Idempotent. @throws {unavailable} INGEST_BUSY while a writer has it open. */
  removeIngest(ref: string): Promise<void>;
}

export interface IngestInfo {
  readonly ref: string;
  /** Bytes that are here. */
  readonly bytes: number;
  /** Last write, ms since 1970. */
  readonly updatedAt: number;
}

/**
 * Durability without waiting (ADR 0005). No commit fsyncs. A blob's file is 0644 until `markSynced` and 0444 after, so
 * the answer to "may a power loss have taken it?" is kept by the file itself. The engine takes `unsynced()`, does one
 * syncfs of the data root, hands the list to `markSynced`.
 */
export interface BlobDurability {
  unsynced(): Promise<readonly UnsyncedBlob[]>;
  /** Blobs that were removed or stored anew meanwhile are left as they are. */
  markSynced(blobs: readonly UnsyncedBlob[]): Promise<void>;
  /**
   * After an unclean boot (other boot id, dirty flag), before anything else: hashes what was not synced, removes what
   * is damaged, and drops every ingest (the size of its file says nothing about the bytes then).
   * @throws {cancelled} when `signal` aborts; calling it again goes on.
   */
  verifyUnsynced(options?: { readonly signal?: AbortSignal }): Promise<VerifyReport>;
}

/** A committed blob that no syncfs has covered yet. `file` tells this very file from a later one of the same digest. */
export interface UnsyncedBlob {
  readonly digest: Digest;
  readonly file: string;
}

export interface VerifyReport {
  /** How many unsynced blobs proved whole. */
  readonly kept: number;
  /** Damaged and removed: what names them must be pulled again. */
  readonly dropped: readonly Digest[];
  readonly droppedIngests: readonly string[];
}

/** All roles; ask for the smallest that serves. Disposing waits for background removal and ends the hashing thread. */
export interface ContentStore extends BlobReader, BlobIngester, BlobManager, BlobDurability, AsyncDisposable {}
