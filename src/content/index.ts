export type * from "./contentStore.ts";
