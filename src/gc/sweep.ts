import type { BlobManager } from "#content";
import { categoryOf, messageOf } from "#errors";
import type { Metadata } from "#metadata";
import type { DiffId, Digest } from "#oci";
import type { CollectableLayers, CollectableSnapshots, CollectOptions, GcLog, GcReport } from "./collector.ts";
import type { Living } from "./living.ts";

const STALE_INGEST_MS = 24 * 3_600_000;

export interface SweepStores {
  readonly metadata: Metadata;
  readonly content: BlobManager;
  readonly layers: CollectableLayers;
  readonly snapshots: CollectableSnapshots;
  readonly log: GcLog;
}

type Count = { -readonly [Key in keyof GcReport]: GcReport[Key] };

/**
 * Removes what does not live: users before what they use (snapshots, layers, blobs), so that a run cut short leaves
 * nothing that points at nothing. Every look at `living` and the removal that follows it are one step of the event loop:
 * a lease is either seen here, or its holder finds the item gone.
 */
export class Sweep {
  readonly #stores: SweepStores;
  readonly #living: Living;
  readonly #signal: AbortSignal | undefined;
  readonly #count: Count = { blobs: 0, layers: 0, snapshots: 0, ingests: 0, bytes: 0 };

  constructor(stores: SweepStores, living: Living, signal?: AbortSignal) {
    this.#stores = stores;
    this.#living = living;
    this.#signal = signal;
  }

  async run(options: { readonly blobs: boolean; readonly ingests: CollectOptions["ingests"] }): Promise<GcReport> {
    await this.#sweepSnapshots();
    await this.#sweepLayers();
    if (options.blobs) await this.#sweepBlobs();
    await this.#sweepIngests(options.ingests === "all" ? Number.POSITIVE_INFINITY : Date.now() - STALE_INGEST_MS);
    return this.#count;
  }

  async #sweepSnapshots(): Promise<void> {
    const { snapshots } = this.#stores;
    for (const name of childrenFirst(await snapshots.list())) {
      this.#signal?.throwIfAborted();
      if (this.#living.snapshots.has(name)) continue;
      if (await this.#removed(`snapshot ${name}`, snapshots.remove(name))) this.#count.snapshots += 1;
      // Still in use by someone: then its parents and layers are too.
      else this.#living.addSnapshot(name);
    }
  }

  async #sweepLayers(): Promise<void> {
    const { layers, metadata } = this.#stores;
    for (const { diffId, fileBytes } of await layers.list()) {
      this.#signal?.throwIfAborted();
      if (this.#living.layers.has(diffId)) continue;
      const removal = layers.remove(diffId);
      forgetLayer(metadata, diffId);
      if (!(await this.#removed(`layer ${diffId}`, removal))) continue;
      this.#count.layers += 1;
      this.#count.bytes += fileBytes;
    }
  }

  async #sweepBlobs(): Promise<void> {
    const { content, metadata } = this.#stores;
    for await (const { digest, size } of content.list()) {
      this.#signal?.throwIfAborted();
      if (this.#living.blobs.has(digest)) continue;
      const removal = content.remove(digest);
      forgetBlob(metadata, digest);
      if (!(await this.#removed(`content ${digest}`, removal))) continue;
      this.#count.blobs += 1;
      this.#count.bytes += size;
    }
  }

  async #sweepIngests(untouchedSince: number): Promise<void> {
    const { content } = this.#stores;
    for (const { ref, bytes, updatedAt } of await content.listIngests()) {
      this.#signal?.throwIfAborted();
      if (this.#living.ingests.has(ref) || updatedAt > untouchedSince) continue;
      if (!(await this.#removed(`ingest ${ref}`, content.removeIngest(ref)))) continue;
      this.#count.ingests += 1;
      this.#count.bytes += bytes;
    }
  }

  async #removed(what: string, removal: Promise<void>): Promise<boolean> {
    try {
      await removal;
      return true;
    } catch (error) {
      const category = categoryOf(error);
      if (category !== "failed_precondition" && category !== "unavailable")
        this.#stores.log.warn(`gc: ${what} stays: ${messageOf(error)}`);
      return false;
    }
  }
}

function forgetBlob(metadata: Metadata, digest: Digest): void {
  metadata.layers.removeCompressed(digest);
  metadata.layers.removeSources(digest);
}

/** Also the compressed forms that are known but not stored: no blob sweep would meet them. */
function forgetLayer(metadata: Metadata, diffId: DiffId): void {
  for (const { blob } of metadata.layers.getCompressed(diffId)) forgetBlob(metadata, blob.digest);
}

/** Names in an order in which no snapshot comes after its parent. */
function childrenFirst(snapshots: readonly { readonly name: string; readonly parent: string | undefined }[]): string[] {
  const parents = new Map(snapshots.map(({ name, parent }) => [name, parent]));
  const depthOf = (name: string): number => {
    let depth = 0;
    for (let parent = parents.get(name); parent !== undefined; parent = parents.get(parent)) depth += 1;
    return depth;
  };
  const depths = new Map(snapshots.map(({ name }) => [name, depthOf(name)]));
  return Array.from(depths)
    .sort(([, left], [, right]) => right - left)
    .map(([name]) => name);
}
