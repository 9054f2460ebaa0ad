import { statFilesystem } from "#host";
import type { GarbageCollector } from "#gc";
import type { BuildStepRecord, Metadata } from "#metadata";
import type { DiffId } from "#oci";
import type { BuildCache, BuildCacheRecord, PruneCacheOptions } from "../buildService.ts";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import { cacheFilter } from "./cacheFilter.ts";
import type { StepCache } from "./stepCache.ts";

export interface BuildCacheOptions {
  readonly steps: StepCache;
  /** What is cached outside of layers. */
  readonly owners: readonly CacheOwner[];
  readonly metadata: Pick<Metadata, "images">;
  readonly collector: Pick<GarbageCollector, "collect">;
  /** Whose filesystem `minFreeSpace` is about. */
  readonly dataRoot: string;
  /** ms since 1970 */
  readonly now: () => number;
}

interface Entry {
  readonly record: BuildCacheRecord;
  remove(): Promise<boolean> | boolean;
}

/** Never removed by a prune without `all`. */
function isKept({ shared, type }: BuildCacheRecord): boolean {
  return shared || type === "internal" || type === "frontend";
}

/** The build cache as one list: results of steps and what other owners keep. */
export function createBuildCache(options: BuildCacheOptions): BuildCache {
  return {
    list: async (filters) => {
      const matches = cacheFilter(filters);
      return (await entriesOf(options)).map(({ record }) => record).filter((record) => matches(record));
    },
    prune: (wish) => prune(options, wish),
  };
}

async function entriesOf(options: BuildCacheOptions): Promise<readonly Entry[]> {
  const inImages = new Set<DiffId>(options.metadata.images.listContent().flatMap(({ diffIds }) => diffIds));
  const steps = options.steps.list().map((row) => ({
    record: stepRecord(row, options.steps.isHeld(row.key), inImages),
    remove: () => options.steps.remove(row.key),
  }));
  const others = await Promise.all(
    options.owners.map(async (owner) =>
      (await owner.list()).map((record) => ({ record, remove: () => owner.remove(record.id) })),
    ),
  );
  return [...steps, ...others.flat()];
}

function stepRecord(row: BuildStepRecord, inUse: boolean, inImages: ReadonlySet<DiffId>): BuildCacheRecord {
  const own = row.diffIds.at(-1);
  return {
    id: row.id,
    parents: row.parents,
    type: "regular",
    description: row.description,
    inUse,
    shared: own !== undefined && inImages.has(own),
    mutable: false,
    size: row.bytes,
    createdAt: row.createdAt,
    lastUsedAt: row.usedAt,
    usageCount: row.uses,
  };
}

/** Longest unused first; what was made of something before that thing. */
function byUse({ record: left }: Entry, { record: right }: Entry): number {
  return (
    (left.lastUsedAt ?? left.createdAt) - (right.lastUsedAt ?? right.createdAt) || right.createdAt - left.createdAt
  );
}

async function prune(options: BuildCacheOptions, wish: PruneCacheOptions): Promise<readonly BuildCacheRecord[]> {
  const matches = cacheFilter(wish.filters);
  const entries = await entriesOf(options);
  const total = entries.reduce((sum, { record }) => sum + record.size, 0);
  const keepBytes = await bytesToKeep(options.dataRoot, total, wish);
  const unusedSince = options.now() - (wish.keepDurationNs ?? 0) / 1e6;
  const candidates = entries
    .filter(({ record }) => !record.inUse && (wish.all || !isKept(record)) && matches(record))
    .filter(({ record }) => (wish.keepDurationNs ?? 0) === 0 || (record.lastUsedAt ?? record.createdAt) <= unusedSince)
    .toSorted(byUse);
  const removed: BuildCacheRecord[] = [];
  let left = total;
  for (const { record, ...entry } of candidates) {
    if (keepBytes > 0 && left <= keepBytes) break;
    if (!(await entry.remove())) continue;
    left -= record.size;
    removed.push(record);
  }
  await options.collector.collect();
  return removed;
}

/** BuildKit's rule (cache/manager.go, calculateKeepBytes); 0 = all may go. bytes */
async function bytesToKeep(dataRoot: string, total: number, wish: PruneCacheOptions): Promise<number> {
  const { maxUsedSpace = 0, minFreeSpace = 0, reservedSpace = 0 } = wish;
  if (maxUsedSpace === 0 && minFreeSpace === 0) return reservedSpace;
  let keep = maxUsedSpace;
  const missing = minFreeSpace === 0 ? 0 : minFreeSpace - (await statFilesystem(dataRoot)).freeBytes;
  if (missing > 0 && (keep === 0 || total - missing < keep)) keep = Math.max(1, total - missing);
  else if (keep === 0) return total;
  return Math.max(keep, reservedSpace);
}
