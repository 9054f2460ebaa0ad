export type * from "./containerService.ts";
