export type * from "./volumeService.ts";
export { openVolumes } from "./openVolumes.ts";
export type { VolumesOptions } from "./openVolumes.ts";
