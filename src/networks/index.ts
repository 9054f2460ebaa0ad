export type * from "./networkService.ts";
