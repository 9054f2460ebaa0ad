import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders, RequestOptions } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import type { EngineError } from "#errors";
import type { EngineHost } from "./host.ts";
import { connectionError } from "./responseError.ts";

// An import would make all that they export, a browser's WebSocket and fetch with it: 30 ms of each start of the command.
const http = process.getBuiltinModule("node:http");
const https = (): typeof import("node:https") => process.getBuiltinModule("node:https");

/** Keys for a TLS connection, PEM. Without `ca` the system's roots hold; `verify: false` takes any certificate. */
export interface TlsFiles {
  readonly ca?: Uint8Array;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  readonly verify: boolean;
}

export interface RawCall {
  readonly method: string;
  /** With version and query, e.g. `/v1.50/images/json?all=1`. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** HTTP/1.1 to one host over kept-alive connections. */
export class Transport {
  readonly #host: EngineHost;
  readonly #tls: TlsFiles | undefined;
  readonly #agent: Agent;

  constructor(host: EngineHost, tls: TlsFiles | undefined) {
    this.#host = host;
    this.#tls = tls;
    this.#agent = tls === undefined ? new http.Agent({ keepAlive: true }) : new (https().Agent)({ keepAlive: true });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves with the response's head; its body is the caller's to read. Upload bytes flow with back-pressure. */
  async send(call: RawCall): Promise<IncomingMessage> {
    const request = this.#open(call, this.#agent);
    const head = Promise.withResolvers<IncomingMessage>();
    request.once("response", head.resolve);
    request.once("error", (error) => head.reject(this.#failure(error, call)));
    this.#upload(request, call, head.reject);
    return head.promise;
  }

  /** `Upgrade: tcp`: resolves with the two-way stream, or with the response when the daemon answered otherwise. */
  async hijack(call: RawCall): Promise<{ readonly response: IncomingMessage; readonly stream?: Duplex }> {
    const headers = { ...call.headers, Connection: "Upgrade", Upgrade: "tcp" };
    const request = this.#open({ ...call, headers }, false);
    const { promise, resolve, reject } = Promise.withResolvers<{ response: IncomingMessage; stream?: Duplex }>();
    request.once("upgrade", (response, stream, first) => {
      if (first.byteLength > 0) stream.unshift(first);
      resolve({ response, stream });
    });
    request.once("response", (response) => resolve({ response }));
    request.once("error", (error) => reject(this.#failure(error, call)));
    request.end(typeof call.body === "string" ? call.body : undefined);
    return promise;
  }

  /** The call's whole URL, as messages show it. */
  url(path: string): string {
    const host = this.#host;
    if (host.kind === "unix") return `http://${encodeURIComponent(host.socketPath)}${path}`;
    return `${this.#tls === undefined ? "http" : "https"}://${host.hostname}:${host.port}${path}`;
  }

  #failure(error: unknown, call: RawCall): EngineError {
    return connectionError(error, this.#host, { method: call.method, url: this.url(call.path) });
  }

  #open(call: RawCall, agent: Agent | false): ClientRequest {
    const host = this.#host;
    const options: RequestOptions = {
      method: call.method,
      path: call.path,
      headers: { Host: host.kind === "unix" ? "api.moby.localhost" : `${host.hostname}:${host.port}`, ...call.headers },
      agent,
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      // A socket has no certificate's name; looking for one compiles a regular expression for 5 ms.
      ...(host.kind === "unix"
        ? { socketPath: host.socketPath, servername: "" }
        : { host: host.hostname, port: host.port }),
    };
    const tls = this.#tls;
    if (tls === undefined || host.kind === "unix") return http.request(options);
    return https().request({
      ...options,
      rejectUnauthorized: tls.verify,
      ...(tls.ca === undefined ? {} : { ca: Buffer.from(tls.ca) }),
      ...(tls.cert === undefined ? {} : { cert: Buffer.from(tls.cert) }),
      ...(tls.key === undefined ? {} : { key: Buffer.from(tls.key) }),
    });
  }

  #upload(request: ClientRequest, call: RawCall, fail: (error: unknown) => void): void {
    const { body } = call;
    if (body === undefined || typeof body === "string") {
      request.end(body);
      return;
    }
    let answered = false;
    request.once("response", () => {
      answered = true;
    });
    // A daemon that refuses early closes its side; its answer, which comes as the response, tells more than EPIPE.
    pipeline(Readable.from(body, { objectMode: false }), request).catch((error: unknown) => {
      if (!answered) fail(error);
    });
  }
}
