export { openContentStore } from "./openContentStore.ts";
export type * from "./contentStore.ts";
