import { createHash, randomUUID } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { algorithmOf, parseDigest } from "#oci";
import type { Digest } from "#oci";
import { BlobDirectory, MODE_UNSYNCED } from "./blobDirectory.ts";
import { blobNotFound, digestMismatch, isErrno, toContentError } from "./contentError.ts";
import type { BlobInfo, BlobWriter, ContentStore, IngestInfo, UnsyncedBlob, VerifyReport } from "./contentStore.ts";
import { FileHasher } from "./fileHasher.ts";
import { IngestDirectory } from "./ingestDirectory.ts";
import { createIngestWriter } from "./ingestWriter.ts";
import { ensureLayout } from "./layout.ts";
import type { Algorithm, Layout } from "./layout.ts";

const DEFAULT_READ_BYTES = 8 << 20;
const STREAM_CHUNK_BYTES = 1 << 20;

/**
 * Opens (or makes) the store whose OCI layout is the directory `root`, e.g. `/var/lib/varve/content`. One process owns
 * it at a time by the data root's lock; others that only add or read blobs do no harm.
 */
export async function openContentStore(options: { readonly root: string }): Promise<ContentStore> {
  try {
    const store = new FileContentStore(await ensureLayout(options.root));
    await store.clean();
    return store;
  } catch (error) {
    throw toContentError(error, "content store: open");
  }
}

class FileContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #blobs: BlobDirectory;
  readonly #ingests: IngestDirectory;
  readonly #hasher = new FileHasher();

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#blobs = new BlobDirectory(layout);
    this.#ingests = new IngestDirectory(layout.ingest);
  }

  async clean(): Promise<void> {
    this.#blobs.emptyTrash();
    await this.#ingests.removeStrays(Date.now());
  }

  info(digest: Digest): Promise<BlobInfo | undefined> {
    return this.#blobs.info(digest);
  }

  async path(digest: Digest): Promise<string> {
    if ((await this.#blobs.info(digest)) === undefined) throw blobNotFound(digest);
    return this.#blobs.path(digest);
  }

  async read(digest: Digest, maxBytes: number = DEFAULT_READ_BYTES): Promise<Uint8Array> {
    await using handle = await this.#open(digest);
    const { size } = await handle.stat();
    if (size > maxBytes) {
      const message = `content ${digest}: ${size} bytes, at most ${maxBytes} are read`;
      throw new EngineError("resource_exhausted", ErrorCode.BLOB_TOO_LARGE, message, { details: { size, maxBytes } });
    }
    const bytes = await handle.readFile();
    const actual = digestBytes(bytes, algorithmOf(digest));
    if (actual !== digest) throw digestMismatch(`content ${digest}: damaged file`, digest, actual);
    return bytes;
  }

  async *stream(
    digest: Digest,
    options: { readonly offset?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await using handle = await this.#open(digest);
    let position = options.offset ?? 0;
    for (;;) {
      throwIfAborted(options.signal);
      const chunk = Buffer.allocUnsafeSlow(STREAM_CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, chunk.byteLength, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  async openIngest(ref: string): Promise<BlobWriter> {
    const handle = await this.#ingests.open(ref);
    return createIngestWriter(ref, this.#ingests.dataPath(ref), handle, {
      hash: (path, algorithm) => this.#hasher.digest(path, algorithm),
      publish: (path, digest, size) => this.#blobs.publish(path, digest, size),
      discard: (ref) => this.#ingests.discard(ref),
      release: (ref) => this.#ingests.release(ref),
    });
  }

  async put(bytes: Uint8Array, expected?: Digest): Promise<BlobInfo> {
    const digest = digestBytes(bytes, expected === undefined ? "sha256" : algorithmOf(expected));
    const size = bytes.byteLength;
    if (expected !== undefined && expected !== digest) throw digestMismatch("content", expected, digest);
    if (await this.#blobs.holds(digest, size)) return { digest, size };
    const file = join(this.#layout.ingest, `put-${randomUUID()}`);
    try {
      await writeFile(file, bytes, { mode: MODE_UNSYNCED, flag: "wx" });
      await this.#blobs.publish(file, digest, size);
    } catch (error) {
      await rm(file, { force: true });
      throw toContentError(error, `content ${digest}: put`);
    }
    return { digest, size };
  }

  list(): AsyncIterable<BlobInfo> {
    return this.#blobs.list();
  }

  remove(digest: Digest): Promise<void> {
    return this.#blobs.remove(digest);
  }

  listIngests(): Promise<readonly IngestInfo[]> {
    return this.#ingests.list();
  }

  removeIngest(ref: string): Promise<void> {
    return this.#ingests.remove(ref);
  }

  unsynced(): Promise<readonly UnsyncedBlob[]> {
    return this.#blobs.unsynced();
  }

  markSynced(blobs: readonly UnsyncedBlob[]): Promise<void> {
    return this.#blobs.markSynced(blobs);
  }

  async verifyUnsynced(options: { readonly signal?: AbortSignal } = {}): Promise<VerifyReport> {
    const droppedIngests: string[] = [];
    for (const { ref } of await this.#ingests.list()) {
      await this.#ingests.remove(ref);
      droppedIngests.push(ref);
    }
    const dropped: Digest[] = [];
    const unsynced = await this.#blobs.unsynced();
    for (const { digest } of unsynced) {
      throwIfAborted(options.signal);
      if ((await this.#hasher.digest(this.#blobs.path(digest), algorithmOf(digest))) === digest) continue;
      await this.#blobs.remove(digest);
      dropped.push(digest);
    }
    return { kept: unsynced.length - dropped.length, dropped, droppedIngests };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hasher[Symbol.asyncDispose]();
    await this.#blobs[Symbol.asyncDispose]();
  }

  async #open(digest: Digest): Promise<FileHandle> {
    if (this.#blobs.isHidden(digest)) throw blobNotFound(digest);
    try {
      return await open(this.#blobs.path(digest), "r");
    } catch (error) {
      if (isErrno(error, "ENOENT")) throw blobNotFound(digest, error);
      throw toContentError(error, `content ${digest}`);
    }
  }
}

function digestBytes(bytes: Uint8Array, algorithm: Algorithm): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new EngineError("cancelled", ErrorCode.CANCELLED, "content: cancelled");
}
