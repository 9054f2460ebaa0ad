import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { parseDigest, parseReference } from "#oci";
import type { Descriptor, Reference } from "#oci";
import { createRegistryClient } from "../createRegistryClient.ts";
import type { RegistryClient, RegistryOptions } from "../registryClient.ts";

/** A request that a scripted server has seen. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Answers one request. */
export type Script = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A server on a random loopback port that answers by script. */
export interface ScriptedServer extends AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** How many connections are open now. */
  connections(): Promise<number>;
}

/** `/v2/` answers 200 by itself unless `answersPing` is false. Requests are told in `seen` without pings. */
export async function startServer(
  script: Script,
  options: { readonly tls?: ServerOptions; readonly answersPing?: boolean } = {},
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method = "", url: target = "", headers } = incoming;
    if (target === "/v2/" && options.answersPing !== false) {
      response.end("{}");
      return;
    }
    const request = { method, target, headers, body: Buffer.concat(parts) };
    seen.push(request);
    await script(request, response);
  };
  const listener: RequestListener = (incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `${options.tls === undefined ? "http" : "https"}://${host}`,
    seen,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    [Symbol.asyncDispose]: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client that waits for nothing longer than a test should. */
export function testClient(options: Partial<RegistryOptions> = {}, idleMs = 5_000): RegistryClient {
  return createRegistryClient({
    insecureRegistries: [],
    registryMirrors: [],
    mirrorsByHost: {},
    userAgent: "varve-test/1",
    certsDirectory: "/nonexistent",
    ...options,
    timeouts: { retryMs: 1, connectMs: 5_000, answerMs: idleMs, uploadAnswerMs: idleMs, idleMs },
  });
}

/** `host/app:1`. */
export function appOn(server: ScriptedServer, rest = "app:1"): Reference {
  return parseReference(`${server.host}/${rest}`);
}

/** Descriptor of bytes. */
export function describe(bytes: Uint8Array, mediaType = "application/octet-stream"): Descriptor {
  const digest = parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
  return { mediaType, digest, size: bytes.length };
}

/** A small but whole manifest. */
export function manifestBytes(comment = ""): Buffer {
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${"a".repeat(64)}`, size: 2 };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], annotations: { comment } }));
}

/** Answers with an error of distribution-spec. */
export function specError(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

/** All bytes of a stream, copied. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}
