export type * from "./networkService.ts";
export { createNetworkService } from "./createNetworkService.ts";
export { DOCKER_DEFAULTS } from "./networkDefaults.ts";
export type { NetworkDefaults } from "./networkDefaults.ts";
export type { NetworkServiceOptions } from "./createNetworkService.ts";
export { splitPort } from "./ports/portRequests.ts";
