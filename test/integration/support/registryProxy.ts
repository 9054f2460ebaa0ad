import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";

/** A proxy before a registry that tells what was asked, refuses and cuts as it is told. */
export interface RegistryProxy extends AsyncDisposable {
  /** `127.0.0.1:40123` */
  readonly address: string;
  /** `PATCH chunked`, `PUT 1234`: method and how long the body is, of every request that may change something. */
  readonly writes: string[];
  /** Answered instead of being handed on. */
  refuse: (request: IncomingMessage) => number | undefined;
  /** After so many bytes of a body the connection is cut. */
  cut: (request: IncomingMessage) => number | undefined;
}

export async function startRegistryProxy(registry: string): Promise<RegistryProxy> {
  const server = createServer((incoming, response) => {
    const { method = "", headers } = incoming;
    if (method !== "GET" && method !== "HEAD")
      proxy.writes.push(`${method} ${headers["content-length"] ?? headers["transfer-encoding"] ?? ""}`);
    const status = proxy.refuse(incoming);
    if (status === undefined) handOn(registry, incoming, response, proxy.cut(incoming));
    else response.writeHead(status, { connection: "close" }).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const proxy: RegistryProxy = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    writes: [],
    refuse: () => undefined,
    cut: () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function handOn(
  registry: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  cutAfter = Number.POSITIVE_INFINITY,
): void {
  const { method, headers, url } = incoming;
  // The host stays the proxy's: the registry then names it in upload locations.
  const outgoing = httpRequest(`http://${registry}${url}`, { method: method ?? "GET", headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  const stop = (): void => void response.destroy();
  outgoing.on("error", stop);
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes < cutAfter) return done(null, chunk);
      outgoing.destroy();
      incoming.destroy();
      done();
    },
  });
  incoming.on("error", stop).pipe(counted).pipe(outgoing);
}
