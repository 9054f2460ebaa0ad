export { createRegistryClient } from "./createRegistryClient.ts";
export { networkError } from "./networkError.ts";
export type * from "./registryClient.ts";
