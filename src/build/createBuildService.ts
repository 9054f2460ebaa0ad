import { join } from "node:path";
import type { StepRunner } from "#containers";
import type { BlobIngester, BlobReader } from "#content";
import { messageOf } from "#errors";
import type { GarbageCollector } from "#gc";
import type { ImageBuilding } from "#images";
import type { LayerIngests, LayerReads } from "#layers";
import type { Metadata } from "#metadata";
import { hostPlatform } from "#oci";
import type { RegistryClient } from "#remote";
import { assembleBuildService } from "./buildRoom.ts";
import type { BuildService } from "./buildService.ts";
import { importCaches } from "./caches/importCaches.ts";
import { CacheMounts } from "./exec/cacheMounts.ts";
import { createDebugShells } from "./exec/debugShells.ts";
import type { DebugShells } from "./exec/debugShells.ts";
import { createExecHandler } from "./exec/createExecHandler.ts";
import { createExporter } from "./exporters/createExporter.ts";
import { createBuildFiles } from "./files/createBuildFiles.ts";
import { openBuildHistory } from "./history/openBuildHistory.ts";
import { planBuild } from "./frontend/planBuild.ts";
import { createGitHandler } from "./sources/createGitHandler.ts";
import { createImageHandler } from "./sources/createImageHandler.ts";
import { createImageResolver } from "./sources/createImageResolver.ts";
import { createUrlHandler } from "./sources/createUrlHandler.ts";

/** The rooms that builds use. */
export interface BuildServiceOptions {
  readonly steps: StepRunner;
  readonly images: ImageBuilding;
  readonly content: BlobReader & BlobIngester;
  readonly layers: LayerReads & LayerIngests;
  readonly metadata: Metadata;
  readonly remote: RegistryClient;
  readonly collector: Pick<GarbageCollector, "collect" | "schedule">;
  readonly dataRoot: string;
  readonly log: (level: "warn", message: string) => void;
}

function historyOf({ dataRoot, log }: BuildServiceOptions, now: () => number): ReturnType<typeof openBuildHistory> {
  const directory = join(dataRoot, "buildkit", "history");
  return openBuildHistory({
    directory,
    now,
    onFailure: (error) => log("warn", `build history: ${messageOf(error)}`),
  });
}

/** Builds of a daemon. `close` waits for what is being ended and ends the threads. */
export function createBuildService(options: BuildServiceOptions): BuildService & {
  readonly debugShells: DebugShells;
  close(): Promise<void>;
} {
  const { steps, layers, dataRoot, metadata, collector } = options;
  const now = (): number => Date.now();
  const files = createBuildFiles({ layers, dataRoot });
  const cacheMounts = new CacheMounts(join(dataRoot, "buildkit", "cache-mounts"), now);
  const mounting = { layers, file: files.file, cacheMounts };
  const git = createGitHandler({ layers, dataRoot, now });
  const history = historyOf(options, now);
  const service = assembleBuildService({
    plan: planBuild,
    handlers: {
      image: createImageHandler(options),
      local: files.local,
      http: createUrlHandler({ layers, dataRoot, contexts: files.http }),
      git,
      file: files.file,
      exec: createExecHandler({ ...mounting, steps, contentDigest: files.contentDigest, now }),
    },
    images: createImageResolver(options),
    files: files.reader,
    exporter: createExporter(options),
    caches: (request, task) => importCaches(options, request, task),
    owners: [cacheMounts, files.contexts, git.repositories],
    metadata,
    layers,
    collector,
    buildPlatform: hostPlatform(),
    dataRoot,
    onFailure: (error) => options.log("warn", `build cache: ${messageOf(error)}`),
    now,
  });
  return {
    ...service,
    history,
    debugShells: createDebugShells({ ...options, ...mounting }),
    async close() {
      await Promise.all([service.settle(), history.settle()]);
      await files[Symbol.asyncDispose]();
    },
  };
}
