import type { FileHandle } from "node:fs/promises";
import { algorithmOf } from "#oci";
import type { Digest } from "#oci";
import { digestMismatch, sizeMismatch, toContentError } from "./contentError.ts";
import type { BlobInfo, BlobWriter } from "./contentStore.ts";
import type { Algorithm } from "./layout.ts";

type Expected = Parameters<BlobWriter["commit"]>[0];

/** What a writer asks of the store it belongs to. */
export interface IngestHost {
  hash(path: string, algorithm: Algorithm): Promise<Digest>;
  publish(path: string, digest: Digest, size: number): Promise<void>;
  discard(ref: string): Promise<void>;
  release(ref: string): void;
}

/** Opens at the end of what is there; see {@link BlobWriter}. */
export async function createIngestWriter(
  ref: string,
  path: string,
  handle: FileHandle,
  host: IngestHost,
): Promise<BlobWriter> {
  const { size } = await handle.stat();
  return new IngestWriter({ ref, path, handle, host, offset: size });
}

class IngestWriter implements BlobWriter {
  readonly ref: string;
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #host: IngestHost;
  #offset: number;
  #ended = false;

  constructor(from: {
    readonly ref: string;
    readonly path: string;
    readonly handle: FileHandle;
    readonly host: IngestHost;
    readonly offset: number;
  }) {
    this.ref = from.ref;
    this.path = from.path;
    this.#handle = from.handle;
    this.#host = from.host;
    this.#offset = from.offset;
  }

  get offset(): number {
    return this.#offset;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#do("write", async () => {
      let done = 0;
      while (done < chunk.byteLength) {
        const { bytesWritten } = await this.#handle.write(chunk, done, chunk.byteLength - done, this.#offset);
        done += bytesWritten;
        this.#offset += bytesWritten;
      }
    });
  }

  truncate(): Promise<void> {
    return this.#do("truncate", async () => {
      await this.#handle.truncate(0);
      this.#offset = 0;
    });
  }

  commit(expected: Expected): Promise<BlobInfo> {
    return this.#do("commit", async () => {
      const { size } = await this.#handle.stat();
      if (expected.size !== undefined && expected.size !== size)
        return this.#refuse(sizeMismatch(this.#name(expected), expected.size, size));
      const digest = await this.#digest(expected);
      if (expected.digest !== undefined && expected.digest !== digest)
        return this.#refuse(digestMismatch(this.#name(expected), expected.digest, digest));
      await this.#host.publish(this.path, digest, size);
      await this.#end({ discard: true });
      return { digest, size };
    });
  }

  async abort(): Promise<void> {
    if (!this.#ended) await this.#do("abort", () => this.#end({ discard: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#end({ discard: false });
  }

  /** The caller's own hash counts only if it is of the algorithm that was asked for. */
  #digest({ digest, verified }: Expected): Promise<Digest> | Digest {
    const algorithm = digest === undefined ? undefined : algorithmOf(digest);
    if (verified !== undefined && (algorithm === undefined || algorithm === algorithmOf(verified))) return verified;
    return this.#host.hash(this.path, algorithm ?? "sha256");
  }

  #name({ digest }: Expected): string {
    return `content ${digest ?? this.ref}`;
  }

  async #refuse(error: Error): Promise<never> {
    await this.#end({ discard: true });
    throw error;
  }

  async #end({ discard }: { readonly discard: boolean }): Promise<void> {
    this.#ended = true;
    try {
      await this.#handle.close();
      if (discard) await this.#host.discard(this.ref);
    } finally {
      this.#host.release(this.ref);
    }
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw new Error(`content ingest ${this.ref}: ${doing} after its end`);
    try {
      return await work();
    } catch (error) {
      throw toContentError(error, `content ingest ${this.ref}: ${doing}`);
    }
  }
}
