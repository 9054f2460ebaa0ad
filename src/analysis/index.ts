export type * from "./openImage.ts";
export { entriesOfErofs, entriesOfTree } from "./layerEntries.ts";
export { imageLayersOf } from "./imageLayers.ts";
export type { KnownLayer } from "./imageLayers.ts";
