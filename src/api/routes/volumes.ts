import { EngineError, ErrorCode } from "#errors";
import type { VolumeCatalog, VolumeRequest } from "#volumes";
import type { Exchange } from "../exchange.ts";
import { parseFilters } from "../query.ts";
import type { Route } from "../router.ts";

/** From this version on a prune leaves volumes alone that have a name. */
const ANONYMOUS_ONLY = 1042;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

function text(body: object, field: string): string {
  const value: unknown = Reflect.get(body, field) ?? "";
  if (typeof value === "string") return value;
  throw invalid(`${field}: expected a string`);
}

function textMap(body: object, field: string): Readonly<Record<string, string>> | null {
  const value: unknown = Reflect.get(body, field) ?? null;
  if (value === null) return null;
  if (typeof value !== "object" || Object.values(value).some((item) => typeof item !== "string")) {
    throw invalid(`${field}: expected a map of strings`);
  }
  return value as Readonly<Record<string, string>>;
}

/** A request without a body asks for an anonymous volume. */
async function parseCreate(exchange: Exchange): Promise<VolumeRequest> {
  const body = await exchange.readOptionalJson();
  if (typeof body !== "object" || body === null) throw invalid("invalid JSON: expected an object");
  const cluster: unknown = Reflect.get(body, "ClusterVolumeSpec") ?? undefined;
  if (cluster !== undefined) {
    const message =
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
    throw new EngineError("unavailable", ErrorCode.NOT_IMPLEMENTED, message);
  }
  return {
    name: text(body, "Name"),
    driver: text(body, "Driver"),
    options: textMap(body, "DriverOpts"),
    labels: textMap(body, "Labels"),
  };
}

/** Volumes. */
export function volumeRoutes(volumes: VolumeCatalog): readonly Route[] {
  return [
    ["GET", "/volumes", (exchange) => exchange.json(200, volumes.list(parseFilters(exchange.query.get("filters"))))],
    [
      "POST",
      "/volumes/create",
      async (exchange) => exchange.json(201, await volumes.create(await parseCreate(exchange))),
    ],
    [
      "POST",
      "/volumes/prune",
      async (exchange) => {
        const filters = parseFilters(exchange.query.get("filters"));
        exchange.json(200, await volumes.prune(filters, { all: exchange.version < ANONYMOUS_ONLY }));
      },
    ],
    ["GET", "/volumes/:name", (exchange) => exchange.json(200, volumes.inspect(exchange.param("name")))],
    [
      "PUT",
      "/volumes/:name",
      () => {
        const message = "volume update only valid for cluster volumes, but swarm is unavailable";
        throw new EngineError("unavailable", ErrorCode.NOT_IMPLEMENTED, message);
      },
    ],
    [
      "DELETE",
      "/volumes/:name",
      async (exchange) => {
        await volumes.remove(exchange.param("name"), { force: exchange.flag("force") });
        exchange.empty(204);
      },
    ],
  ];
}
