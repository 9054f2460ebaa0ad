export { createCollector } from "./createCollector.ts";
export type { CollectorOptions } from "./createCollector.ts";
export type * from "./collector.ts";
