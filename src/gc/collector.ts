import type { ChainId, DiffId } from "#oci";

/**
 * Mark and sweep over blobs, layers, snapshots and ingests. What lives: all that image records, image content records,
 * containers and living leases name, and what that names in turn (manifests → config and layers, index → children that
 * are here, snapshot → parents and their layers, layer → its remembered compressed forms). What nothing names is swept.
 *
 * An operation in flight is safe if it keeps the rule of `LeaseRecords`: lease before visible; lease what is found, then
 * look again; end the lease after a record names it. A run sees every lease that is added while it runs, and "nobody
 * holds it" and "it is hidden" are one step of the event loop.
 */
export interface GarbageCollector extends AsyncDisposable {
  /**
   * One run; runs queue, so the result always rests on the records as they are now. Cost grows with what is listed, not
   * with its bytes: files are hidden here and freed in the background.
   * An item that cannot be removed is logged and left for the next run.
   * @throws {cancelled} when `signal` aborts; {internal} when a record or directory cannot be read.
   */
  collect(options?: CollectOptions): Promise<GcReport>;
  /** Asks for a run soon; calls within the delay (1 s unless set) become one. Failures are logged. */
  schedule(): void;
}

export interface CollectOptions {
  readonly signal?: AbortSignal;
  /** Ingests without a lease: `stale` (default) sweeps those untouched for 24 h, so that a later pull can resume; `all` is for prune. */
  readonly ingests?: "stale" | "all";
}

/** What a run removed. */
export interface GcReport {
  readonly blobs: number;
  readonly layers: number;
  readonly snapshots: number;
  readonly ingests: number;
  /** Bytes of the files of blobs, layers and ingests that were removed. */
  readonly bytes: number;
}

/** The layer store, as far as GC needs it. */
export interface CollectableLayers {
  list(): Awaitable<readonly { readonly diffId: DiffId; readonly fileBytes: number }[]>;
  /** Idempotent; hides the layer before it returns its promise. @throws {failed_precondition} when it is in use. */
  remove(diffId: DiffId): Promise<void>;
}

/** The snapshotter, as far as GC needs it. */
export interface CollectableSnapshots {
  list(): Awaitable<readonly { readonly name: string; readonly parent: ChainId | undefined }[]>;
  /** Idempotent; hides the snapshot before it returns its promise. @throws {failed_precondition} when it is in use or has children. */
  remove(name: string): Promise<void>;
}

/** A value now or later. */
export type Awaitable<T> = T | Promise<T>;

/** Where a run tells what it could not remove. */
export interface GcLog {
  warn(message: string): void;
}
