export type * from "./layer.ts";
export type * from "./layerStore.ts";
export type { LookupOptions, MergedView, ViewEntry } from "./mergedView.ts";
export type { ByteRange, LayerReader } from "./layerReader.ts";
export { completeFile, createGrowingFile } from "./growingFile.ts";
export type { GrowingFileOptions, GrowingFileWriter } from "./growingFile.ts";
export { openLayerStore } from "./openLayerStore.ts";
export type { LayerStoreOptions } from "./openLayerStore.ts";
