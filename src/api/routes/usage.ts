import { EngineError, ErrorCode } from "#errors";
import type { UsageBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

async function stats(usage: UsageBackend, exchange: Exchange): Promise<void> {
  const stream = exchange.flag("stream", true);
  const oneShot = exchange.flag("one-shot");
  if (stream && oneShot) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "cannot have stream=true and one-shot=true");
  }
  const { signal } = exchange;
  const samples = usage.stats(exchange.param("id"), { stream, oneShot, signal })[Symbol.asyncIterator]();
  // What is wrong with the container becomes a status only before the answer begins.
  const first = await samples.next();
  if (!stream) {
    exchange.json(200, first.value);
    return;
  }
  const body = exchange.stream(200, "application/json");
  try {
    for (let next = first; next.done !== true; next = await samples.next()) {
      if (signal.aborted) return;
      await body.write(`${JSON.stringify(next.value)}\n`);
    }
    body.end();
  } finally {
    await samples.return?.();
  }
}

/** What containers use, and what runs in them. */
export function usageRoutes(usage: UsageBackend): readonly Route[] {
  return [
    ["GET", "/containers/:id/stats", (exchange) => stats(usage, exchange)],
    [
      "GET",
      "/containers/:id/top",
      async (exchange) =>
        exchange.json(200, await usage.top(exchange.param("id"), exchange.query.get("ps_args") ?? "")),
    ],
  ];
}
