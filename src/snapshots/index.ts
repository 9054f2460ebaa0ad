export type * from "./snapshotter.ts";
export { openSnapshotter } from "./openSnapshotter.ts";
export type { SnapshotterOptions } from "./openSnapshotter.ts";
export type { StorageDriver } from "./chooseDriver.ts";
export { isOpaque, isWhiteout, StackDirectory } from "./stackDirectory.ts";
export { directoryUsage } from "./usage.ts";
export type { StackEntry } from "./stackDirectory.ts";
