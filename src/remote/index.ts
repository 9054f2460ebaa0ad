export { createRegistryClient } from "./createRegistryClient.ts";
export type * from "./registryClient.ts";
