import type { StopOptions } from "#containers";
import type { ControlBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import { parseFilters } from "../query.ts";
import type { Route } from "../router.ts";

function stopOptions(exchange: Exchange): StopOptions {
  const timeoutSeconds = exchange.integer("t");
  const signal = exchange.query.get("signal") ?? "";
  return {
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(signal === "" ? {} : { signal }),
  };
}

/** What is done to a container that exists. */
export function controlRoutes(control: ControlBackend): readonly Route[] {
  const act =
    (work: (id: string, exchange: Exchange) => Promise<void>) =>
    async (exchange: Exchange): Promise<void> => {
      await work(exchange.param("id"), exchange);
      exchange.empty(204);
    };
  return [
    [
      "POST",
      "/containers/prune",
      async (exchange) => {
        exchange.json(200, await control.prune(parseFilters(exchange.query.get("filters"))));
      },
    ],
    ["POST", "/containers/:id/stop", act((id, exchange) => control.stop(id, stopOptions(exchange)))],
    ["POST", "/containers/:id/restart", act((id, exchange) => control.restart(id, stopOptions(exchange)))],
    [
      "POST",
      "/containers/:id/kill",
      act((id, exchange) => control.kill(id, exchange.query.get("signal") ?? "SIGKILL")),
    ],
    ["POST", "/containers/:id/pause", act((id) => control.pause(id))],
    ["POST", "/containers/:id/unpause", act((id) => control.unpause(id))],
    ["POST", "/containers/:id/rename", act((id, exchange) => control.rename(id, exchange.query.get("name") ?? ""))],
    [
      "POST",
      "/containers/:id/update",
      async (exchange) => {
        exchange.json(200, await control.update(exchange.param("id"), await exchange.readOptionalJson()));
      },
    ],
  ];
}
