export type * from "./containerService.ts";
export { createContainerService } from "./createContainerService.ts";
export type { ContainerServiceOptions } from "./createContainerService.ts";
