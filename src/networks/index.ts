export type * from "./networkService.ts";
export { createNetworkService } from "./createNetworkService.ts";
export type { NetworkServiceOptions } from "./createNetworkService.ts";
