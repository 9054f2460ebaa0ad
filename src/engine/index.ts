export { createEngine } from "./createEngine.ts";
export type { Engine } from "./createEngine.ts";
export { LOG_LEVELS } from "./config.ts";
export type { EngineConfig, LogLevel } from "./config.ts";
export type { EventSubscription } from "./events.ts";
export type { RegistryAccess } from "./registryAccess.ts";
export type { RegistryBackend } from "./registryBackend.ts";
export type { SystemBackend } from "./systemBackend.ts";
export { VERSION } from "./version.ts";
