export type {
  HistoryItem,
  ImageDeleteItem,
  ImageDiskUsage,
  ImageInspect,
  ImageManifestSummary,
  ImagesPruneReport,
  ImageSummary,
  WireDescriptor,
} from "./image.ts";
export type { ProgressDetail, ProgressMessage, ProgressSink } from "./progress.ts";
export type { EventMessage, EventSink } from "./events.ts";
export type { Filters } from "./filters.ts";
export { API_VERSION, MIN_API_VERSION } from "./system.ts";
export type { VersionInfo } from "./system.ts";
export type {
  EndpointConfig,
  EndpointSettings,
  IpamPool,
  NetworkIpam,
  NetworkMember,
  NetworkResource,
  PortBinding,
  PortMap,
  PortRow,
} from "./network.ts";
export type { VolumeList, VolumeResource, VolumesPruneReport } from "./volume.ts";
export { parseDuration, parseTimestamp } from "./until.ts";
export { FRAME_HEADER_BYTES, STREAM_NUMBER } from "./stdcopy.ts";
export type * from "./solveStatus.ts";
export type * from "./localBuild.ts";
export { LAYER_INDEX_TYPE } from "./looking.ts";
export type * from "./looking.ts";
