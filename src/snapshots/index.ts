export type * from "./snapshotter.ts";
export { openSnapshotter } from "./openSnapshotter.ts";
export type { SnapshotterOptions } from "./openSnapshotter.ts";
export type { StorageDriver } from "./chooseDriver.ts";
