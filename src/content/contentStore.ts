import type { Digest } from "#oci";

/**
 * Blobs by digest, as an OCI image layout under `content/`. Lifecycle: `openIngest(ref)` starts or resumes an unfinished
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
  /** Whole blob; for manifests and configs. @throws {not_found}, {resource_exhausted} when larger than maxBytes (default 8 MiB). */
  read(digest: Digest, maxBytes?: number): Promise<Uint8Array>;
  /** Bytes from `offset`, in chunks of at most 1 MiB. @throws {not_found} */
  stream(
    digest: Digest,
    options?: { readonly offset?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

/** An unfinished write. Disposing without commit keeps the data on disk for a later resume; `abort` removes it. */
export interface BlobWriter extends AsyncDisposable {
  readonly ref: string;
  /** The growing data file; payload starts at 0. */
  readonly path: string;
  /** Bytes on disk that count: where a resumed download goes on. */
  readonly offset: number;
  /** Appends; resolves when the bytes are in the page cache. */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what is here and starts again at 0 (the server refused the range, or the prefix proved wrong). */
  truncate(): Promise<void>;
  /**
   * Verifies and publishes. With `verified` the caller (an ingest worker) has already hashed exactly these bytes; else the
   * file is hashed here, off the event loop. Idempotent: success says that the blob *is* stored.
   * @throws {data_loss} DIGEST_MISMATCH or SIZE_MISMATCH; the ingest is removed then.
   */
  commit(expected: { readonly digest?: Digest; readonly size?: number; readonly verified?: Digest }): Promise<BlobInfo>;
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
  list(): AsyncIterable<BlobInfo>;
  /** Idempotent. */
  remove(digest: Digest): Promise<void>;
  listIngests(): Promise<readonly { readonly ref: string; readonly bytes: number; readonly updatedAt: number }[]>;
  removeIngest(ref: string): Promise<void>;
}

export interface ContentStore extends BlobReader, BlobIngester, BlobManager {}
