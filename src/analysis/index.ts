export type * from "./openImage.ts";
