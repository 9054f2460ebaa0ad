import type { Buildkit } from "#buildkit";
import { formatPlatform } from "#oci";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";

const PROTOCOL = "h2c";

/** moby reports these as plain errors: 500, in these words. */
function needProtocol(exchange: Exchange): void {
  const asked = exchange.request.headers.upgrade ?? "";
  if (asked === "") throw new Error("no upgrade proto in request");
  if (asked !== PROTOCOL) throw new Error(`protocol ${asked} not supported`);
}

/** BuildKit's API, and clients' sessions for it: connections that leave HTTP/1.1 for HTTP/2. */
export function buildkitRoutes(buildkit: Buildkit): readonly Route[] {
  return [
    [
      "GET",
      "/varve/v1/build/worker",
      (exchange) => {
        const { id, labels, platforms, version } = buildkit.worker;
        exchange.json(200, { id, version, platforms: platforms().map(formatPlatform), labels: labels() });
      },
    ],
    [
      "POST",
      "/grpc",
      async (exchange) => {
        needProtocol(exchange);
        await buildkit.serve(await exchange.upgrade(PROTOCOL));
      },
    ],
    [
      "POST",
      "/session",
      async (exchange) => {
        needProtocol(exchange);
        const headers = exchange.request.headersDistinct;
        buildkit.checkSession(headers);
        await buildkit.serveSession(headers, await exchange.upgrade(PROTOCOL));
      },
    ],
  ];
}
