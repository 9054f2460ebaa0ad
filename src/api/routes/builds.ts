import { listCache, pruneCache, pruneRecords } from "../builds/cacheRoutes.ts";
import { ClassicBuilds } from "../builds/classicBuilds.ts";
import { historyRoutes } from "../builds/historyRoutes.ts";
import { LocalBuilds } from "../builds/localBuilds.ts";
import type { BuildBackends } from "../builds/localBuilds.ts";
import type { Route } from "../router.ts";

/** Builds: Docker's older API of them, the cache, and varve's own calls. */
export function buildRoutes(backends: BuildBackends): readonly Route[] {
  const local = new LocalBuilds(backends);
  const { build } = backends;
  const classic = new ClassicBuilds(build);
  return [
    ["POST", "/build", (exchange) => classic.build(exchange)],
    ["POST", "/build/cancel", (exchange) => classic.cancel(exchange)],
    ["POST", "/varve/v1/build", (exchange) => local.build(exchange)],
    ["DELETE", "/varve/v1/build", (exchange) => local.cancel(exchange)],
    ["GET", "/varve/v1/build/ask", (exchange) => local.answer(exchange)],
    ["POST", "/varve/v1/build/ask", (exchange) => local.answer(exchange)],
    ["GET", "/varve/v1/build/cache", (exchange) => listCache(build.cache, exchange)],
    ["POST", "/varve/v1/build/cache/prune", (exchange) => pruneRecords(build.cache, exchange)],
    ...historyRoutes(build),
    ["POST", "/build/prune", (exchange) => pruneCache(build.cache, exchange)],
  ];
}
