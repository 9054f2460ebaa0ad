export { createApiServer } from "./server.ts";
export type { ApiOptions, ApiServer } from "./server.ts";
export type {
  Backends,
  ContainerBackend,
  EventQuery,
  ImageBackend,
  RegistryBackend,
  SystemBackend,
} from "./backends.ts";
