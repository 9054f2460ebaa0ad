export type * from "./containerService.ts";
export { copyUp } from "./mounts/copyUp.ts";
export type * from "./steps/stepRunner.ts";
export type * from "./control/containerControl.ts";
export type { ContainerNetworks } from "./networking/containerNetworks.ts";
export type { ContainerDefaults } from "./request/daemonDefaults.ts";
export { shownAppArmorProfile } from "./apparmor/defaultProfile.ts";
export { INIT_PROGRAMS } from "./runtime/initProgram.ts";
export { createContainerServices } from "./createContainerService.ts";
export type { ContainerServiceOptions, ContainerServices } from "./createContainerService.ts";
export type {
  ConsoleSize,
  ExecCreateRequest,
  ExecInspection,
  ExecService,
  ExecStartOptions,
} from "./exec/execService.ts";
export type * from "./files/filesService.ts";
export type { ProcessList, StatsOptions, StatsResponse, UsageService } from "./usage/usageService.ts";
