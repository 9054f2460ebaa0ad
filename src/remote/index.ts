export type * from "./registryClient.ts";
