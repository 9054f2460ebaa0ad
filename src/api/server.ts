import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerOptions, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { TlsOptions } from "node:tls";
import type { Buildkit } from "#buildkit";
import { API_VERSION } from "#engineapi";
import { EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import type { Backends } from "./backends.ts";
import { acceptDirectHttp2 } from "./directHttp2.ts";
import { discardBody } from "./drain.ts";
import { Exchange } from "./exchange.ts";
import type { Hijacked } from "./exchange.ts";
import { httpStatusOf } from "./httpStatus.ts";
import { createRouter } from "./router.ts";
import type { Match } from "./router.ts";
import { absentRoutes } from "./routes/absent.ts";
import { buildRoutes } from "./routes/builds.ts";
import { buildkitRoutes } from "./routes/buildkit.ts";
import { containerRoutes } from "./routes/containers.ts";
import { execRoutes } from "./routes/exec.ts";
import { fileRoutes } from "./routes/files.ts";
import { controlRoutes } from "./routes/control.ts";
import { lookRoutes } from "./routes/look.ts";
import { reshapeRoutes } from "./routes/reshape.ts";
import { imageRoutes } from "./routes/images.ts";
import { networkRoutes } from "./routes/networks.ts";
import { registryRoutes } from "./routes/registries.ts";
import { systemRoutes } from "./routes/system.ts";
import { transferRoutes } from "./routes/transfer.ts";
import { volumeRoutes } from "./routes/volumes.ts";
import { usageRoutes } from "./routes/usage.ts";
import { splitVersion } from "./version.ts";

/** What the server says of itself, and where it tells of failures. */
export interface ApiOptions {
  /** `varve/0.1.0 (linux)`: the Server header. */
  readonly serverHeader: string;
  /** Called for every answer of 500 and for failures after the headers went out. */
  readonly onFailure: (request: string, error: unknown) => void;
  /** BuildKit's API; undefined while there are no builds. */
  readonly buildkit?: Buildkit | undefined;
  /** Certificate, key and whom to trust; undefined = no TLS. */
  readonly tls?: TlsOptions | undefined;
}

/** What listens: HTTP, or HTTPS with the same behaviour. */
export type ApiServer = HttpServer | HttpsServer;

const NO_STORE = { "Cache-Control": "no-cache, no-store, must-revalidate", Pragma: "no-cache" };

const HTTP_OPTIONS: ServerOptions = {
  highWaterMark: 1 << 20,
  keepAliveTimeout: 60_000,
  /** `docker load` may take hours. */
  requestTimeout: 0,
  /** Go's bound: X-Registry-Auth and X-Registry-Config hold tokens of many kilobytes. */
  maxHeaderSize: 1 << 20,
  /** Docker's own upgrade, WebSockets and HTTP/2 where there are any; elsewhere a client that offers h2c is answered over HTTP/1.1. */
  shouldUpgradeCallback: ({ headers, url = "" }) => {
    switch (headers.upgrade?.toLowerCase() ?? "") {
      case "tcp":
        return true;
      case "websocket":
        return /\/attach\/ws(?:\?|$)/.test(url);
      case "h2c":
        return /^(?:\/v[\d.]+)?\/(?:grpc|session)(?:\?|$)/.test(url);
      default:
        return false;
    }
  },
};

function toWireError(error: unknown): { readonly message: string } {
  const hint = findEngineError(error)?.hint;
  return { message: hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})` };
}

/** Split by hand: the URL class would take `//x` for a host and resolve `..`. */
function splitUrl(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const local = target.replace(/^https?:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  return mark < 0
    ? { path: local, query: new URLSearchParams() }
    : { path: local.slice(0, mark), query: new URLSearchParams(local.slice(mark + 1)) };
}

/**
 * The Engine API over one HTTP server per address: the caller listens with it on a Unix socket or TCP. Paths may carry
 * `/v1.24` … `/v1.51`. Connections that a handler hijacks leave HTTP for good.
 * @see docker-engine-api v1.56
 */
export function createApiServer(backends: Backends, options: ApiOptions): ApiServer {
  const find = createRouter([
    ...systemRoutes(backends.system, backends.registry, backends.build),
    ...registryRoutes(backends.registry),
    ...buildRoutes(backends),
    ...transferRoutes(backends.images),
    ...imageRoutes(backends.images),
    ...lookRoutes(backends.look),
    ...reshapeRoutes(backends.images),
    ...execRoutes(backends.execs),
    ...usageRoutes(backends.usage),
    ...fileRoutes(backends.files),
    ...controlRoutes(backends.control),
    ...containerRoutes(backends.containers),
    ...volumeRoutes(backends.volumes),
    ...networkRoutes(backends.networks, backends.members),
    ...(options.buildkit === undefined ? [] : buildkitRoutes(options.buildkit)),
    ...absentRoutes(),
  ]);

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse | undefined,
    upgrade: Hijacked | undefined,
  ): Promise<void> => {
    const { path: whole, query } = splitUrl(request.url ?? "/");
    const exchange = new Exchange({ request, response, upgrade, query });
    try {
      if (response !== undefined) setCommonHeaders(response, options.serverHeader, whole);
      const { version, path } = splitVersion(whole);
      const { handler, params } = findRoute(find, request.method ?? "GET", path);
      await handler(exchange.routed(version, params));
    } catch (error) {
      if (response !== undefined && !exchange.started) await discardBody(request);
      fail(exchange, error, options);
    }
  };

  const server =
    options.tls === undefined
      ? createHttpServer(HTTP_OPTIONS)
      : createHttpsServer({ ...HTTP_OPTIONS, ...options.tls, allowHalfOpen: true });
  const { buildkit } = options;
  if (buildkit !== undefined) acceptDirectHttp2(server, (socket) => void buildkit.serve(socket));
  server.on("request", (request, response) => void answer(request, response, undefined));
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
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
  response.setHeader("Builder-Version", "2");
  response.setHeader("Swarm", "inactive");
  for (const [name, value] of Object.entries(NO_STORE)) response.setHeader(name, value);
}

function fail(exchange: Exchange, error: unknown, options: ApiOptions): void {
  const status = httpStatusOf(error);
  const request = `${exchange.request.method ?? ""} ${exchange.request.url ?? ""}`;
  // A client that went away is no failure of ours, and nobody is left to be told.
  if ((status >= 500 || exchange.started) && !exchange.signal.aborted) options.onFailure(request, error);
  if (exchange.started) exchange.cut();
  else if (status === 304) exchange.empty(304);
  else exchange.json(status, toWireError(error));
}
