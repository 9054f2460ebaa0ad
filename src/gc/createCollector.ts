import type { BlobManager, BlobReader } from "#content";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Descriptor } from "#oci";
import type { CollectOptions, GarbageCollector, GcReport } from "./collector.ts";
import { Living } from "./living.ts";
import { ManifestGraph } from "./manifestGraph.ts";
import { markManifests, markRoots } from "./mark.ts";
import { Sweep } from "./sweep.ts";
import type { SweepStores } from "./sweep.ts";

const DEFAULT_DELAY_MS = 1000;

export interface CollectorOptions extends Omit<SweepStores, "content"> {
  readonly content: BlobReader & BlobManager;
  /** How long `schedule` waits for more to come, ms. Default 1000. */
  readonly delayMs?: number;
}

/** The collector over the given stores; disposing ends a run that is under way. */
export function createCollector(options: CollectorOptions): GarbageCollector {
  return new Collector(options);
}

class Collector implements GarbageCollector {
  readonly #options: CollectorOptions;
  readonly #graph: ManifestGraph;
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#graph = new ManifestGraph(options.content);
  }

  collect(options: CollectOptions = {}): Promise<GcReport> {
    const run = this.#last.then(() => this.#run(options));
    this.#last = run.catch(() => {});
    return run;
  }

  schedule(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.collect().catch((error: unknown) => this.#options.log.warn(`gc: ${messageOf(error)}`));
    }, this.#options.delayMs ?? DEFAULT_DELAY_MS).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#last;
  }

  async #run(options: CollectOptions): Promise<GcReport> {
    const own = this.#closing.signal;
    const signal = options.signal === undefined ? own : AbortSignal.any([own, options.signal]);
    try {
      return await this.#markAndSweep(options, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "gc: the run was cancelled", { cause: error });
    }
  }

  async #markAndSweep(options: CollectOptions, signal: AbortSignal): Promise<GcReport> {
    const { metadata } = this.#options;
    const living = new Living(metadata);
    using _watch = metadata.leases.watch((resource) => living.addLeased(resource));
    const roots = markRoots(metadata, living);
    const blobs = await this.#markManifests(roots, living, signal);
    // Awaited: what is leased meanwhile must be heard of until the sweep has ended.
    return await new Sweep(this.#options, living, signal).run({ blobs, ingests: options.ingests });
  }

  /** false when a manifest cannot be read: what it names is unknown, so no blob may go in this run. */
  async #markManifests(roots: readonly Descriptor[], living: Living, signal: AbortSignal): Promise<boolean> {
    try {
      await markManifests(roots, living, this.#graph, signal);
      this.#graph.retain(living.blobs);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.warn(`gc: blobs stay: a manifest cannot be read: ${messageOf(error)}`);
      return false;
    }
  }
}
