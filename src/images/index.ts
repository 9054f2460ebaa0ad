export type * from "./imageService.ts";
export type * from "./imageBuilding.ts";
export type * from "./imageReshaping.ts";
export { createImageService } from "./createImageService.ts";
export type { ImageServiceOptions } from "./createImageService.ts";
export type { TransferLimits } from "./context.ts";
export { openArchiveInput } from "./archiveInput.ts";
export { checkFilterKeys, hasAnyLabel, hasLabels, untilFilter } from "./catalog/filters.ts";
