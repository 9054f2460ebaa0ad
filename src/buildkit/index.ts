export { createBuildkit } from "./buildkit.ts";
export type { Buildkit, BuildkitOptions } from "./buildkit.ts";
export type { WorkerInfo } from "./control/control.ts";
export type {
  BuildProgress,
  BuildResult,
  BuildService,
  BuildSession,
  CachePruneRequest,
  CacheUsage,
  ClientCredentials,
  EntryStat,
  FrontendRequest,
  OutgoingEntry,
  OutputTarget,
  ResultFiles,
  SourcePlace,
  StatusState,
  TreeRequest,
  TreeSink,
  TypedAttributes,
  VertexState,
} from "./contract.ts";
