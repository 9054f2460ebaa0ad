import type { BuildService } from "#build";
import { toCacheRow } from "../builds/cacheRoutes.ts";
import { API_VERSION } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { RegistryBackend, SystemBackend } from "#engine";
import type { Exchange } from "../exchange.ts";
import { credentialsOf, parseAuthConfig, parseFilters, parseTimestamp } from "../query.ts";
import type { Route } from "../router.ts";

function ping(exchange: Exchange): void {
  exchange.text(200, exchange.request.method === "HEAD" ? "" : "OK");
}

async function events(system: SystemBackend, exchange: Exchange): Promise<void> {
  const since = parseTimestamp(exchange.query.get("since"));
  const until = parseTimestamp(exchange.query.get("until"));
  const filters = parseFilters(exchange.query.get("filters"));
  if (since !== undefined && until !== undefined && since > until) {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      `\`since\` time (${exchange.query.get("since")}) cannot be after \`until\` time (${exchange.query.get("until")})`,
    );
  }
  const source = system.events({
    filters,
    signal: exchange.signal,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  });
  const body = exchange.stream(200, "application/json");
  for await (const event of source) await body.write(`${JSON.stringify(event)}\n`);
  body.end();
}

/** Clients of it and later add up the build cache's sizes themselves. */
const SUMS_THE_CACHE_ITSELF = 1042;

async function diskUsage(system: SystemBackend, build: Pick<BuildService, "cache">, exchange: Exchange): Promise<void> {
  const types = exchange.query.getAll("type");
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const unknown = types.find((type) => !["container", "image", "volume", "build-cache"].includes(type));
  if (unknown !== undefined)
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `unknown object type: ${unknown}`);
  const [usage, records] = await Promise.all([system.diskUsage(), wants("build-cache") ? build.cache.list([]) : []]);
  const rows = records.map(toCacheRow);
  exchange.json(200, {
    LayersSize: wants("image") ? usage.images.LayersSize : 0,
    Images: wants("image") ? usage.images.Images : null,
    Containers: wants("container") ? usage.containers : null,
    Volumes: wants("volume") ? usage.volumes : null,
    BuildCache: wants("build-cache") ? rows : null,
    ...(exchange.version < SUMS_THE_CACHE_ITSELF
      ? { BuilderSize: records.reduce((sum, { size }) => sum + size, 0) }
      : {}),
  });
}

async function login(registry: RegistryBackend, exchange: Exchange): Promise<void> {
  const body = await exchange.readJson();
  const address =
    typeof body === "object" && body !== null && "serveraddress" in body && typeof body.serveraddress === "string"
      ? body.serveraddress
      : "";
  const { identityToken } = await registry.login(address, parseAuthConfig(body) ?? {});
  exchange.json(200, { IdentityToken: identityToken, Status: "Login Succeeded" });
}

/** The daemon itself, and registries beyond pull and push. */
export function systemRoutes(
  system: SystemBackend,
  registry: RegistryBackend,
  build: Pick<BuildService, "cache">,
): readonly Route[] {
  return [
    ["GET", "/_ping", ping],
    ["HEAD", "/_ping", ping],
    ["GET", "/version", (exchange) => exchange.json(200, { ...system.version(), ApiVersion: API_VERSION })],
    ["GET", "/info", async (exchange) => exchange.json(200, await system.info())],
    ["GET", "/system/df", (exchange) => diskUsage(system, build, exchange)],
    ["GET", "/events", (exchange) => events(system, exchange)],
    ["POST", "/auth", (exchange) => login(registry, exchange)],
    [
      "GET",
      "/distribution/:name/json",
      async (exchange) =>
        exchange.json(200, await registry.distribution(exchange.param("name"), credentialsOf(exchange).credentials)),
    ],
  ];
}
