import type { SolveVertexWarning } from "#engineapi";
import type { FilesystemReader } from "../files/filesystemReader.ts";
import type { StepProgress } from "../graph/handler.ts";
import type { Filesystem } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { ImageResolver } from "../sources/imageResolver.ts";
import type { Platform } from "#oci";

/** What the frontend may ask for while it plans. */
export interface FrontendHost {
  /** Does a vertex at once, shown in the progress: the Dockerfile's directory, the ignore file, a git or http context. */
  solve(vertex: Vertex): Promise<Filesystem>;
  /** Work that is no vertex of the graph, shown as a step: `[internal] load metadata for docker.io/library/debian:12-slim`. */
  task<T>(name: string, work: (progress: StepProgress) => Promise<T>): Promise<T>;
  /** Shown at the client; `vertex` of the warning is the digest of the vertex that loaded the Dockerfile. */
  warn(warning: SolveVertexWarning): void;
  readonly images: ImageResolver;
  readonly files: FilesystemReader;
  /** The platform of this machine: default of `--platform` and `$BUILDPLATFORM`. */
  readonly buildPlatform: Platform;
}
