export type * from "./buildService.ts";
export type * from "./request.ts";
export type * from "./session.ts";
export type * from "./plan.ts";
export type * from "./graph/operation.ts";
export type * from "./graph/vertex.ts";
export type * from "./graph/handler.ts";
export type * from "./files/contextDirectory.ts";
