export { createRegistryClient } from "./createRegistryClient.ts";
export { formatAuthHeader, parseAuthConfig, parseAuthHeader } from "./authHeader.ts";
export type { AuthConfig } from "./authHeader.ts";
export type * from "./registryClient.ts";
