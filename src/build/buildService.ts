import type { DiffId } from "#oci";
import type { BuildHistory } from "./history/buildHistory.ts";
import type { BuildPlan, TargetPlan } from "./plan.ts";
import type { ResultFiles } from "./files/resultFiles.ts";
import type { BuildRequest } from "./request.ts";

/**
 * Builds. `prepare` reads the Dockerfile and resolves base images (BuildKit's frontend step); `run` does the steps and
 * the exports. A client's `Solve` is prepare + run; `LLBBridge` clients call them apart.
 */
export interface BuildService {
  /** @throws {invalid_argument} with Dockerfile location in `details`; {not_found} base image … */
  prepare(request: BuildRequest): Promise<PreparedBuild>;
  readonly cache: BuildCache;
  /** Callers tell it of their builds. */
  readonly history: BuildHistory;
}

export interface PreparedBuild extends AsyncDisposable {
  readonly plan: BuildPlan;
  /** Does the steps, without exports; idempotent. */
  evaluate(): Promise<readonly BuiltTarget[]>;
  /** Those of the first target, whose steps are done when something is asked. */
  readonly files: ResultFiles;
  /** evaluate, then exports; the exporter response of all exports (`containerimage.digest`, `image.name`, …). */
  run(): Promise<Readonly<Record<string, string>>>;
}

/** A target whose steps are done. */
export interface BuiltTarget extends TargetPlan {
  /** Base first. */
  readonly diffIds: readonly DiffId[];
  /** When each layer was made, ms since 1970; undefined: not a build's (a base's layer). */
  readonly createdAt: readonly (number | undefined)[];
}

/** The build cache as `docker builder prune`, `buildx du` and `system df` see it. */
export interface BuildCache {
  list(filters: readonly string[]): Promise<readonly BuildCacheRecord[]>;
  /** Removes and returns what was removed. */
  prune(options: PruneCacheOptions): Promise<readonly BuildCacheRecord[]>;
}

export interface PruneCacheOptions {
  /** Also what an image shares or what is internal. */
  readonly all: boolean;
  readonly filters: readonly string[];
  /** Keep what was used later than this, ns. */
  readonly keepDurationNs?: number;
  /** bytes */
  readonly reservedSpace?: number;
  readonly maxUsedSpace?: number;
  readonly minFreeSpace?: number;
}

/** BuildKit's UsageRecord. Times are ms since 1970, sizes bytes. */
export interface BuildCacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: "regular" | "source.local" | "source.git.checkout" | "exec.cachemount" | "frontend" | "internal";
  readonly description: string;
  readonly inUse: boolean;
  readonly shared: boolean;
  readonly mutable: boolean;
  readonly size: number;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  readonly usageCount: number;
}
