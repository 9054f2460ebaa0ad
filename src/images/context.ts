import type { BlobIngester, BlobManager, BlobReader } from "#content";
import type { EventSink } from "#engineapi";
import type { GarbageCollector } from "#gc";
import type { LayerStore } from "#layers";
import type { Metadata } from "#metadata";
import type { RegistryClient } from "#remote";
import type { Snapshotter } from "#snapshots";
import type { ImageUsers } from "./imageService.ts";

/** How much goes on at once, and how often a transfer is tried. */
export interface TransferLimits {
  /** Layers fetched at once per pull. */
  readonly downloads: number;
  /** Layers sent at once per push. */
  readonly uploads: number;
  readonly attempts: number;
}

/** What every act on images works with. */
export interface ImageContext {
  readonly content: BlobReader & BlobIngester & BlobManager;
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly remote: RegistryClient;
  readonly snapshots: Snapshotter;
  readonly collector: GarbageCollector;
  readonly users: ImageUsers;
  readonly events: EventSink;
  readonly limits: TransferLimits;
  /** ms since 1970; tests give their own. */
  readonly now: () => number;
}
