export type * from "./containerService.ts";
export { INIT_PROGRAMS } from "./runtime/initProgram.ts";
export { createContainerService } from "./createContainerService.ts";
export type { ContainerServiceOptions } from "./createContainerService.ts";
