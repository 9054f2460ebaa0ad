import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import { API_VERSION } from "#engineapi";
import { EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import type { Backends } from "./backends.ts";
import { Exchange } from "./exchange.ts";
import type { Hijacked } from "./exchange.ts";
import { httpStatusOf } from "./httpStatus.ts";
import { createRouter } from "./router.ts";
import type { Match } from "./router.ts";
import { containerRoutes } from "./routes/containers.ts";
import { imageRoutes } from "./routes/images.ts";
import { systemRoutes } from "./routes/system.ts";
import { transferRoutes } from "./routes/transfer.ts";
import { LATEST, splitVersion } from "./version.ts";

/** What the server says of itself, and where it tells of failures. */
export interface ApiOptions {
  /** `varve/0.1.0 (linux)`: the Server header. */
  readonly serverHeader: string;
  /** Called for every answer of 500 and for failures after the headers went out. */
  readonly onFailure: (request: string, error: unknown) => void;
}

const NO_STORE = { "Cache-Control": "no-cache, no-store, must-revalidate", Pragma: "no-cache" };
const IDLE_SOCKET_BUFFER = 1 << 20;

function toWireError(error: unknown): { readonly message: string } {
  const hint = findEngineError(error)?.hint;
  return { message: hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})` };
}

/**
 * The Engine API over one HTTP server per address: the caller listens with it on a Unix socket or TCP. Paths may carry
 * `/v1.24` … `/v1.51`. Connections that a handler hijacks leave HTTP for good.
 * @see docker-engine-api v1.56
 */
export function createApiServer(backends: Backends, options: ApiOptions): Server {
  const find = createRouter([
    ...systemRoutes(backends.system, backends.registry),
    ...transferRoutes(backends.images),
    ...imageRoutes(backends.images),
    ...containerRoutes(backends.containers),
  ]);

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse | undefined,
    upgrade: Hijacked | undefined,
  ): Promise<void> => {
    let exchange = new Exchange({
      request,
      response,
      upgrade,
      version: LATEST,
      params: {},
      query: new URLSearchParams(),
    });
    try {
      const url = new URL(request.url ?? "/", "http://daemon");
      if (response !== undefined) setCommonHeaders(response, options.serverHeader, url.pathname);
      const { version, path } = splitVersion(url.pathname);
      const match = findRoute(find, request.method ?? "GET", path);
      exchange = new Exchange({ request, response, upgrade, version, params: match.params, query: url.searchParams });
      await match.handler(exchange);
    } catch (error) {
      fail(exchange, error, options);
    }
  };

  const server = createServer({ highWaterMark: IDLE_SOCKET_BUFFER, keepAliveTimeout: 60_000, requestTimeout: 0 });
  server.on("request", (request, response) => void answer(request, response, undefined));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    if (!(socket instanceof Socket)) return;
    socket.on("error", () => undefined);
    void answer(request, undefined, { socket, head });
  });
  return server;
}

function findRoute(find: (method: string, path: string) => Match | undefined, method: string, path: string): Match {
  const match = find(method, path);
  if (match === undefined) throw new EngineError("not_found", ErrorCode.BAD_REQUEST, "page not found");
  return match;
}

function setCommonHeaders(response: ServerResponse, serverHeader: string, path: string): void {
  response.setHeader("Api-Version", API_VERSION);
  response.setHeader("Docker-Experimental", "false");
  response.setHeader("Ostype", "linux");
  response.setHeader("Server", serverHeader);
  if (!path.endsWith("/_ping")) return;
  response.setHeader("Swarm", "inactive");
  for (const [name, value] of Object.entries(NO_STORE)) response.setHeader(name, value);
}

function fail(exchange: Exchange, error: unknown, options: ApiOptions): void {
  const status = httpStatusOf(error);
  const request = `${exchange.request.method ?? ""} ${exchange.request.url ?? ""}`;
  if (status >= 500 || exchange.started) options.onFailure(request, error);
  if (exchange.started) return;
  if (status === 304) exchange.empty(304);
  else exchange.json(status, toWireError(error));
}
