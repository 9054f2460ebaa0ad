import { EngineError, ErrorCode } from "#errors";
import type { NetworkResource } from "#engineapi";
import type { ContainerNetworks } from "#containers";
import type { NetworkCatalog } from "#networks";
import { notABoolean, parseGoBoolean } from "#gotext";
import type { Exchange } from "../exchange.ts";
import { parseFilters } from "../query.ts";
import type { Route } from "../router.ts";

/** Lists of older versions hold each network's containers. */
const LIST_WITHOUT_CONTAINERS = 1028;

/** Before it, a network always had IPv4, and did not say so. */
const NAMES_IPV4 = 1048;

function onWire(network: NetworkResource, version: number): Readonly<Record<string, unknown>> {
  if (version >= NAMES_IPV4) return { ...network };
  const { EnableIPv4: _, ...rest } = network;
  return rest;
}

/** `verbose` adds tasks of a swarm, which there is none of: only its value is checked. */
function checkVerbose(exchange: Exchange): void {
  const text = exchange.query.get("verbose") ?? "";
  if (text === "" || parseGoBoolean(text) !== undefined) return;
  const message = `invalid value for verbose: ${text}: ${notABoolean(text)}`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

function list(catalog: NetworkCatalog, exchange: Exchange): void {
  const networks = catalog.list(parseFilters(exchange.query.get("filters")));
  const whole = exchange.version < LIST_WITHOUT_CONTAINERS;
  exchange.json(
    200,
    networks.map((network) => onWire(whole ? catalog.inspect(network.Id) : network, exchange.version)),
  );
}

function inspect(catalog: NetworkCatalog, exchange: Exchange): void {
  checkVerbose(exchange);
  const scope = exchange.query.get("scope") ?? "";
  const network = catalog.inspect(exchange.param("id"), ...(scope === "" ? [] : [scope]));
  exchange.json(200, onWire(network, exchange.version));
}

/** Networks: what there is of them, and which containers are on them. */
export function networkRoutes(catalog: NetworkCatalog, members: ContainerNetworks): readonly Route[] {
  return [
    ["GET", "/networks", (exchange) => list(catalog, exchange)],
    ["GET", "/networks/", (exchange) => list(catalog, exchange)],
    [
      "POST",
      "/networks/create",
      async (exchange) => exchange.json(201, await catalog.create(await exchange.readOptionalJson())),
    ],
    [
      "POST",
      "/networks/prune",
      async (exchange) => exchange.json(200, await catalog.prune(parseFilters(exchange.query.get("filters")))),
    ],
    ["GET", "/networks/:id", (exchange) => inspect(catalog, exchange)],
    [
      "DELETE",
      "/networks/:id",
      async (exchange) => {
        await catalog.remove(exchange.param("id"));
        exchange.empty(204);
      },
    ],
    [
      "POST",
      "/networks/:id/connect",
      async (exchange) => {
        await members.connect(exchange.param("id"), await exchange.readOptionalJson());
        exchange.empty(200);
      },
    ],
    [
      "POST",
      "/networks/:id/disconnect",
      async (exchange) => {
        await members.disconnect(exchange.param("id"), await exchange.readOptionalJson());
        exchange.empty(200);
      },
    ],
  ];
}
