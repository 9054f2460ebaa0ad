export type * from "./snapshotter.ts";
export { openSnapshotter } from "./openSnapshotter.ts";
export type { SnapshotterOptions } from "./openSnapshotter.ts";
export { STORAGE_DRIVERS } from "./chooseDriver.ts";
export type { StorageDriver } from "./chooseDriver.ts";
