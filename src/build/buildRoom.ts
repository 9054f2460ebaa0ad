import type { GarbageCollector } from "#gc";
import type { LayerReads } from "#layers";
import type { Metadata } from "#metadata";
import { digestOf } from "#oci";
import type { Platform } from "#oci";
import type { BuildService, PreparedBuild } from "./buildService.ts";
import type { Exporter } from "./exporters/exporter.ts";
import type { FilesystemReader } from "./files/filesystemReader.ts";
import type { FrontendHost } from "./frontend/frontendHost.ts";
import type { CacheOwner } from "./graph/cacheOwner.ts";
import type { ImportedSteps } from "./graph/importedSteps.ts";
import type { BuildPlan } from "./plan.ts";
import { PlannedBuild } from "./preparedBuild.ts";
import type { BuildRequest } from "./request.ts";
import { takeBuildLease } from "./solver/buildLease.ts";
import { createBuildCache } from "./solver/buildCache.ts";
import { BuildProgress } from "./solver/buildProgress.ts";
import { CacheTidier } from "./solver/cachePolicy.ts";
import type { Handlers } from "./solver/handlers.ts";
import { SharedRuns } from "./solver/sharedRuns.ts";
import { Solver } from "./solver/solver.ts";
import { StepCache } from "./solver/stepCache.ts";
import type { ImageResolver } from "./sources/imageResolver.ts";

/** The pieces of this room, made elsewhere: `createBuildService` makes the real ones, tests their own. */
export interface BuildParts {
  readonly plan: (request: BuildRequest, host: FrontendHost) => Promise<BuildPlan>;
  readonly handlers: Handlers;
  readonly images: ImageResolver;
  readonly files: FilesystemReader;
  readonly exporter: Exporter;
  /** Opens the caches of `--cache-from`. */
  readonly caches: (request: BuildRequest, task: BuildProgress["task"]) => ImportedSteps;
  readonly owners: readonly CacheOwner[];
  readonly metadata: Metadata;
  readonly layers: Pick<LayerReads, "get" | "openView">;
  readonly collector: Pick<GarbageCollector, "collect" | "schedule">;
  readonly buildPlatform: Platform;
  readonly dataRoot: string;
  /** What goes wrong beside a build. */
  readonly onFailure: (error: unknown) => void;
  /** ms since 1970 */
  readonly now: () => number;
}

/** Tells the same Dockerfile of the same directory again: results of its steps explain later ones. */
function placeOf({ options }: BuildRequest): string {
  const keys = Array.from(options.sharedKeys).sort(([left], [right]) => (left < right ? -1 : 1));
  return digestOf(JSON.stringify([keys, options.context, options.filename])).slice("sha256:".length, 19);
}

/** Puts the pieces together: the flow of a build is prepare → evaluate → export. */
export function assembleBuildService(parts: BuildParts): Omit<BuildService, "history"> & { settle(): Promise<void> } {
  const { metadata, layers, now, handlers } = parts;
  const steps = new StepCache({ metadata, layers, now });
  const shared = new SharedRuns();
  const cache = createBuildCache({ ...parts, steps });
  const tidier = new CacheTidier({ cache, dataRoot: parts.dataRoot, onFailure: parts.onFailure });
  const settle = async (): Promise<void> => {
    await tidier.close();
    await shared.settle();
  };
  const prepare = async (request: BuildRequest): Promise<PreparedBuild> => {
    const progress = new BuildProgress(request.progress);
    const lease = takeBuildLease(metadata, `build ${request.ref}`);
    const solver = new Solver(
      { handlers, cache: steps, shared, metadata },
      {
        session: request.session,
        progress,
        lease,
        imports: parts.caches(request, (name, work) => progress.task(name, work)),
        explain: request.explain,
        place: placeOf(request),
        signal: request.signal,
      },
    );
    try {
      const plan = await parts.plan(request, {
        solve: (vertex) => solver.solve(vertex),
        task: (name, work) => progress.task(name, work),
        warn: (warning) => progress.warn(warning),
        images: parts.images,
        files: parts.files,
        buildPlatform: parts.buildPlatform,
      });
      const { exporter } = parts;
      const onEnd = (): void => {
        parts.collector.schedule();
        tidier.schedule();
      };
      return new PlannedBuild({ request, plan, solver, progress, lease, exporter, layers, onEnd });
    } catch (error) {
      solver[Symbol.dispose]();
      lease[Symbol.dispose]();
      throw error;
    }
  };
  return { prepare, cache, settle };
}
