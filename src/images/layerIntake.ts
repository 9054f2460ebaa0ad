import { randomUUID } from "node:crypto";
import type { ProgressSink } from "#engineapi";
import { categoryOf } from "#errors";
import { createGrowingFile } from "#layers";
import type { IngestedLayer, TarIngestOptions } from "#layers";
import { algorithmOf, parseDiffId } from "#oci";
import type { DiffId, Digest } from "#oci";
import type { ArchivedLayer } from "./archiveContents.ts";
import { decompress } from "./archiveInput.ts";
import type { ArchiveCompression } from "./archiveInput.ts";
import type { ImageContext } from "./context.ts";
import type { ActLease } from "#metadata";
import { layerProgress } from "./layerProgress.ts";

/** A file of an archive. */
export interface ArchiveMember {
  /** cleaned */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** What its name promises, in an OCI layout. */
  readonly digest: Digest | undefined;
}

interface IntakeOptions {
  readonly context: ImageContext;
  readonly lease: ActLease;
  /** undefined: quiet */
  readonly progress: ProgressSink | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Makes the layer whole and visible. */
type Finish = () => Promise<IngestedLayer>;

const JOINED_BYTES = 1 << 20;
/** Layers whose index is still being written while the next ones arrive. */
const MAX_FINISHING = 2;
const SHORT_NAME = 12;

/** Layers of an archive on their way into the store, each under the lease before it becomes visible. */
export class LayerIntake implements AsyncDisposable {
  readonly #options: IntakeOptions;
  readonly #layers = new Map<string, Promise<ArchivedLayer>>();
  readonly #finishing: Promise<unknown>[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** True when the layer that the name promises is here already: its bytes need no second look. */
  async isKnown({ path, digest }: ArchiveMember): Promise<boolean> {
    const ingested = digest === undefined ? undefined : await this.#find(digest);
    if (ingested === undefined) return false;
    this.#layers.set(path, Promise.resolve({ ingested }));
    return true;
  }

  /**
   * Takes a layer's bytes; resolves when they are taken, while the layer itself may still be in the making. What is wrong
   * with the layer alone is told by {@link settle}. @throws what is wrong with the archive
   */
  async take(member: ArchiveMember, compression: ArchiveCompression, body: AsyncIterable<Uint8Array>): Promise<void> {
    while (this.#finishing.length >= MAX_FINISHING) await this.#finishing.shift();
    const shown = this.#showing(member, body);
    const isBlob = compression === "gzip" || compression === "zstd" || isSha512(member.digest);
    const finish = isBlob ? await this.#takeBlob(member, shown) : await this.#takeTar(member, compression, shown);
    const layer = finish().then((ingested) => ({ ingested }), toFailure);
    this.#layers.set(member.path, layer);
    this.#finishing.push(Promise.allSettled([layer]));
  }

  /** All layers by path. @throws what is no fault of a single layer, e.g. NO_SPACE */
  async settle(): Promise<ReadonlyMap<string, ArchivedLayer>> {
    const entries = [...this.#layers].map(async ([path, layer]) => [path, await layer] as const);
    return new Map(await Promise.all(entries));
  }

  /** Nothing is in the making any more after it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#layers.values());
  }

  async #find(digest: Digest): Promise<IngestedLayer | undefined> {
    const { context, lease } = this.#options;
    const asTar = parseDiffId(digest);
    if (context.layers.get(asTar) !== undefined) {
      lease.layer(asTar);
      const layer = context.layers.get(asTar);
      return layer && { layer, blob: { digest, size: layer.tarBytes, compression: "none" } };
    }
    const form = context.metadata.layers.findByBlob(digest);
    if (form === undefined) return undefined;
    lease.layer(form.diffId);
    lease.blob(digest);
    const layer = context.layers.get(form.diffId);
    if (layer === undefined || (await context.content.info(digest)) === undefined) return undefined;
    return { layer, blob: { ...form.blob, compression: form.compression } };
  }

  async #takeTar(
    { digest }: ArchiveMember,
    compression: ArchiveCompression,
    body: AsyncIterable<Uint8Array>,
  ): Promise<Finish> {
    const { context, signal } = this.#options;
    const writer = await context.layers.ingestTar(this.#ingestOptions());
    const isNamed = digest !== undefined && compression === "none";
    try {
      const broken = await feed(decompress(body, compression, signal), (chunk) => writer.write(chunk));
      // After a failed write, commit tells why and cleans up.
      return broken ? () => writer.commit() : () => writer.commit(isNamed ? { diffId: parseDiffId(digest) } : {});
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async #takeBlob(member: ArchiveMember, body: AsyncIterable<Uint8Array>): Promise<Finish> {
    const { context, lease } = this.#options;
    const ref = `load-${randomUUID()}`;
    lease.add({ kind: "ingest", name: ref });
    const writer = await context.content.openIngest(ref);
    const growing = createGrowingFile(writer.path);
    const expected = member.digest === undefined ? {} : { blobDigest: member.digest, blobSize: member.size };
    const ingest = context.layers.ingestBlob({ source: growing.file, expected, ...this.#ingestOptions() });
    const watched = watch(ingest);
    try {
      await feed(joined(body, JOINED_BYTES), async (chunk) => {
        if (watched.failed) await ingest;
        await writer.write(chunk);
        growing.advance(writer.offset);
      });
      growing.finish();
    } catch (error) {
      growing.fail();
      await Promise.allSettled([ingest]);
      await writer.abort();
      throw error;
    }
    return async () => {
      try {
        const ingested = await ingest;
        lease.blob(ingested.blob.digest);
        await writer.commit({ verified: ingested.blob.digest });
        return ingested;
      } catch (error) {
        await writer.abort();
        throw error;
      }
    };
  }

  #ingestOptions(): TarIngestOptions {
    const { lease, signal } = this.#options;
    const onVerified = (diffId: DiffId): void => lease.layer(diffId);
    return signal === undefined ? { onVerified } : { onVerified, signal };
  }

  async *#showing({ path, size, digest }: ArchiveMember, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { progress } = this.#options;
    if (progress === undefined) {
      yield* body;
      return;
    }
    const name = digest === undefined ? nameOfMember(path) : digest.slice(digest.indexOf(":") + 1);
    const bar = layerProgress(progress, name.slice(0, SHORT_NAME));
    let done = 0;
    for await (const chunk of body) {
      yield chunk;
      done += chunk.length;
      bar.bytes("Loading layer", done, size);
    }
  }
}

/** The faults of one layer's own bytes; all others end the act. */
function toFailure(error: unknown): ArchivedLayer {
  const category = categoryOf(error);
  if (category === "data_loss" || category === "invalid_argument") return { failure: error };
  throw error;
}

/** Gives a body to a writer; true when the writer failed. @throws what the body throws */
async function feed(body: AsyncIterable<Uint8Array>, write: (chunk: Uint8Array) => Promise<void>): Promise<boolean> {
  for await (const chunk of body) {
    try {
      await write(chunk);
    } catch {
      return true; // whoever finishes the writer is told why
    }
  }
  return false;
}

function watch(work: Promise<unknown>): { readonly failed: boolean } {
  const state = { failed: false };
  work.catch(() => (state.failed = true));
  return state;
}

/** Chunks of at least `bytes`, but for the last: a file is written in few calls. */
async function* joined(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array, void, void> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let used = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + bytes - used);
      buffer.set(part, used);
      used += part.length;
      at += part.length;
      if (used < bytes) continue;
      yield buffer;
      used = 0;
    }
  }
  if (used > 0) yield buffer.subarray(0, used);
}

/** Old docker names a layer by its folder, others by its file. */
function nameOfMember(path: string): string {
  return path.endsWith("/layer.tar") ? path.slice(0, -"/layer.tar".length) : path.slice(path.lastIndexOf("/") + 1);
}

function isSha512(digest: Digest | undefined): boolean {
  return digest !== undefined && algorithmOf(digest) === "sha512";
}
