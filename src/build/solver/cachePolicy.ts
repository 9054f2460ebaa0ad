import { statFilesystem } from "#host";
import type { BuildCache, PruneCacheOptions } from "../buildService.ts";

const HOUR_NS = 3_600_000_000_000;
/** The cache may hold this part of the disk, and never less than the least. */
const PART_OF_DISK = 0.1;
const LEAST_BYTES = 2e9;
/** What only saves a transfer: contexts, cache mounts, checkouts. bytes */
const TRANSFERS_BYTES = 512e6;
/** After a build, so that builds in a row are tidied up once. ms */
const DELAY = 60_000;

/** BuildKit's rules (cmd/buildkitd/config/gcpolicy.go), one after the other: what is cheap to make again and long unused goes first. */
export function cachePolicy(diskBytes: number): readonly PruneCacheOptions[] {
  const reservedSpace = Math.max(LEAST_BYTES, Math.floor(diskBytes * PART_OF_DISK));
  return [
    {
      all: false,
      filters: ["type==source.local", "type==exec.cachemount", "type==source.git.checkout"],
      keepDurationNs: 48 * HOUR_NS,
      reservedSpace: TRANSFERS_BYTES,
    },
    { all: false, filters: [], keepDurationNs: 60 * 24 * HOUR_NS, reservedSpace },
    { all: false, filters: [], reservedSpace },
    { all: true, filters: [], reservedSpace },
  ];
}

export interface CacheTidierOptions {
  readonly cache: Pick<BuildCache, "prune">;
  readonly dataRoot: string;
  /** ms; default a minute */
  readonly delay?: number;
  readonly onFailure: (error: unknown) => void;
}

/** Keeps the cache within its policy: a while after a build. */
export class CacheTidier {
  readonly #options: CacheTidierOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: CacheTidierOptions) {
    this.#options = options;
  }

  /** Several calls within the delay are one. */
  schedule(): void {
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#tidy();
    }, this.#options.delay ?? DELAY);
    this.#timer.unref();
  }

  /** Waits for a run under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #tidy(): Promise<void> {
    const { cache, dataRoot, onFailure } = this.#options;
    try {
      const { totalBytes } = await statFilesystem(dataRoot);
      for (const rule of cachePolicy(totalBytes)) await cache.prune(rule);
    } catch (error) {
      onFailure(error);
    }
  }
}
