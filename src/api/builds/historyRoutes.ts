import type { BuildHistory, BuildRecord, BuildService } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

function find(history: BuildHistory, exchange: Exchange): BuildRecord {
  const ref = exchange.query.get("ref") ?? "";
  const record = history.get(ref);
  if (record !== undefined) return record;
  throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no record found for ref ${JSON.stringify(ref)}`);
}

async function logs(history: BuildHistory, exchange: Exchange): Promise<void> {
  const { ref } = find(history, exchange);
  const statuses = await history.statuses(ref);
  const body = exchange.stream(200, "application/x-ndjson");
  for (const status of statuses) await body.write(`${JSON.stringify(status)}\n`);
  body.end();
}

function remove(history: BuildHistory, exchange: Exchange): void {
  const { ref } = find(history, exchange);
  if (!history.remove(ref)) throw new EngineError("conflict", ErrorCode.BAD_REQUEST, `build ${ref} is still running`);
  exchange.empty(204);
}

/** Our own routes to the history of builds: all records, and of one (`ref`) what it showed. */
export function historyRoutes(build: Pick<BuildService, "history">): readonly Route[] {
  return [
    ["GET", "/varve/v1/build/history", (exchange) => exchange.json(200, build.history.list())],
    ["GET", "/varve/v1/build/history/logs", (exchange) => logs(build.history, exchange)],
    ["DELETE", "/varve/v1/build/history", (exchange) => remove(build.history, exchange)],
  ];
}
