export { takeLease } from "./actLease.ts";
export type { ActLease } from "./actLease.ts";
export { openMetadata } from "./openMetadata.ts";
export type * from "./records.ts";
export type * from "./buildStepRecord.ts";
export type * from "./layerRecord.ts";
