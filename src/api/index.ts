export { createApiServer } from "./server.ts";
export type { ApiOptions, ApiServer } from "./server.ts";
export type { Backends, ContainerBackend, ImageBackend } from "./backends.ts";
