export type * from "./imageService.ts";
