import { join } from "node:path";
import type { LayerIngests, LayerReads } from "#layers";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import type { OperationHandler } from "../graph/handler.ts";
import type { FileOperation, HttpSource, LocalSource } from "../graph/operation.ts";
import { ContextStore } from "./contextStore.ts";
import { createContentDigest } from "./createContentDigest.ts";
import type { ContentDigest } from "./createContentDigest.ts";
import { createFileHandler } from "./createFileHandler.ts";
import { createFilesystemReader } from "./createFilesystemReader.ts";
import { createHttpHandler } from "./createHttpHandler.ts";
import { createLocalHandler } from "./createLocalHandler.ts";
import type { FilesystemReader } from "./filesystemReader.ts";
import { FileWorkers } from "./fileWorkers.ts";
import { sweepHashes } from "./sweepHashes.ts";

export interface BuildFilesDependencies {
  readonly layers: Pick<LayerReads, "get" | "path"> & Pick<LayerIngests, "ingestTar">;
  /** What contexts leave behind is below `<data root>/buildkit`. */
  readonly dataRoot: string;
}

/** What this folder does for builds. Disposing ends its threads. */
export interface BuildFiles extends AsyncDisposable {
  readonly file: OperationHandler<FileOperation>;
  readonly local: OperationHandler<LocalSource>;
  readonly http: OperationHandler<HttpSource>;
  readonly reader: FilesystemReader;
  readonly contentDigest: ContentDigest;
  /** Received contexts, as part of the build cache. */
  readonly contexts: CacheOwner;
}

export function createBuildFiles({ layers, dataRoot }: BuildFilesDependencies): BuildFiles {
  const workers = new FileWorkers();
  // Hints only: what cannot be removed today is no harm.
  sweepHashes(join(dataRoot, "buildkit", "hashes"), layers, Date.now()).catch(() => undefined);
  const contexts = new ContextStore({ root: join(dataRoot, "buildkit", "contexts"), now: Date.now });
  return {
    file: createFileHandler({ layers, workers, dataRoot }),
    local: createLocalHandler({ contexts, workers }),
    http: createHttpHandler({ contexts, spoolDirectory: join(dataRoot, "buildkit", "spool") }),
    contexts,
    contentDigest: createContentDigest({ layers, workers, dataRoot }),
    reader: createFilesystemReader({ layers, workers, dataRoot }),
    [Symbol.asyncDispose]: () => workers[Symbol.asyncDispose](),
  };
}
