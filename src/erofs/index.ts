export { LayerTree } from "./layerTree.ts";
export type { LayerTreeOptions } from "./layerTree.ts";
export type { LayerIndex, LowerHardlink } from "./layerIndex.ts";
export { layoutErofs } from "./layout.ts";
export type { ErofsLayout, ErofsLayoutOptions } from "./layout.ts";
export type { SpillCopy, SpilledFile } from "./spill.ts";
export { parseLayerHead } from "./superblock.ts";
export type { LayerFileHead } from "./superblock.ts";
