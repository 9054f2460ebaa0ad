export type * from "./layer.ts";
