import type { BuildCacheRecord } from "../buildService.ts";

/** Keeps cached data that is no layer: received contexts, cache mounts, git checkouts. Listed and pruned with the step results. */
export interface CacheOwner {
  list(): Promise<readonly BuildCacheRecord[]>;
  /** False: in use just now, stays. Idempotent. */
  remove(id: string): Promise<boolean>;
}
