export { createBuildkit } from "./buildkit.ts";
export type { Buildkit, BuildkitOptions } from "./buildkit.ts";
export type { WorkerInfo } from "./control/control.ts";
