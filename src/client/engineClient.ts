import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { EngineError, ErrorCode, isEngineError } from "#errors";
import { CLIENT_API_VERSION, compareApiVersions, negotiate } from "./apiVersion.ts";
import type { EngineHost } from "./host.ts";
import { readJsonLines } from "./jsonLines.ts";
import { isNotListening, responseError } from "./responseError.ts";
import { Transport } from "./transport.ts";
import type { RawCall, TlsFiles } from "./transport.ts";

/** One API call. `path` is without version, e.g. `/images/json`; path parts are the caller's to encode. */
export interface EngineCall {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** Undefined values are left out, booleans are sent as `1` when true and left out when false, lists repeat the key. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it comes, chunked, with back-pressure. */
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The answer to a call, head read and body not. A body that is not read to its end must be `destroy`ed. */
export interface EngineResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

/** A hijacked connection: bytes both ways. `multiplexed` is false for a terminal (raw bytes). Ends when both sides end. */
export interface HijackedStream {
  readonly stream: Duplex;
  /** From the Content-Type (API ≥ 1.42); undefined from an older daemon, which does not say. */
  readonly multiplexed: boolean | undefined;
}

export interface EngineClientOptions {
  readonly host: EngineHost;
  readonly tls?: TlsFiles;
  /** Pins the API version, e.g. `1.45` (`DOCKER_API_VERSION`); otherwise negotiated once by `/_ping`. */
  readonly apiVersion?: string;
  /** Sent with every call, e.g. `HttpHeaders` of config.json. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Called once when nothing listens at the host; when it resolves the call is made again. */
  readonly startDaemon?: () => Promise<void>;
}

/**
 * A connection to an engine. All failures are EngineErrors whose message is what Docker's client would print
 * (`Error response from daemon: …`, `Cannot connect to the Docker daemon at …`). Close it, or the process stays alive.
 */
export interface EngineClient extends AsyncDisposable {
  readonly host: EngineHost;
  /** The version in the path of every call; asks the daemon the first time. */
  apiVersion(): Promise<string>;
  /** @throws {failed_precondition} in Docker's words when the daemon is older than `minimum`; `feature` e.g. `"--tree"`. */
  requireApiVersion(minimum: string, feature: string): Promise<void>;
  /** Body unread. @throws by status when it is 400 or above. */
  open(call: EngineCall): Promise<EngineResponse>;
  /** Body read as text. */
  text(call: EngineCall): Promise<string>;
  /** Body read as one JSON value; T is trusted, the daemon's schema is the contract. Undefined for an empty body. */
  json<T>(call: EngineCall): Promise<T>;
  /** Body as a stream of JSON values, one a line. */
  lines<T>(call: EngineCall): AsyncGenerator<T>;
  /** Upgrades the connection (attach). */
  hijack(call: EngineCall): Promise<HijackedStream>;
}

function queryText(query: EngineCall["query"]): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === false) continue;
    if (value === true) search.append(key, "1");
    else if (typeof value === "object") for (const item of value) search.append(key, item);
    else search.append(key, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

async function bodyText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function checkStatus(response: IncomingMessage, url: string): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status < 400) return;
  throw responseError({
    status,
    statusText: response.statusMessage ?? String(status),
    contentType: response.headers["content-type"] ?? "",
    body: await bodyText(response),
    url,
  });
}

const OWN_PATHS = "/varve/";
const BAD_REQUEST = 400;

class HttpEngineClient implements EngineClient {
  readonly host: EngineHost;
  readonly #options: EngineClientOptions;
  readonly #transport: Transport;
  #version: Promise<string> | undefined;
  #mayStart: boolean;
  #startFailed = false;

  constructor(options: EngineClientOptions) {
    this.host = options.host;
    this.#options = options;
    this.#transport = new Transport(options.host, options.tls);
    this.#mayStart = options.startDaemon !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
  }

  apiVersion(): Promise<string> {
    this.#version ??= this.#negotiate();
    return this.#version;
  }

  async requireApiVersion(minimum: string, feature: string): Promise<void> {
    const version = await this.apiVersion();
    if (compareApiVersions(version, minimum) >= 0) return;
    throw new EngineError(
      "failed_precondition",
      ErrorCode.BAD_REQUEST,
      `${JSON.stringify(feature)} requires API version ${minimum}, but the Docker daemon API version is ${version}`,
    );
  }

  async open(call: EngineCall): Promise<EngineResponse> {
    const unasked = await this.#openUnasked(call);
    const raw = unasked?.raw ?? (await this.#raw(call));
    const response = unasked?.response ?? (await this.#transport.send(raw));
    await checkStatus(response, this.#transport.url(raw.path));
    return { status: response.statusCode ?? 0, headers: response.headers, body: response };
  }

  async text(call: EngineCall): Promise<string> {
    return bodyText((await this.open(call)).body);
  }

  async json<T>(call: EngineCall): Promise<T> {
    const text = await this.text(call);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async *lines<T>(call: EngineCall): AsyncGenerator<T> {
    const { body } = await this.open(call);
    for await (const value of readJsonLines(body)) yield value as T;
  }

  async hijack(call: EngineCall): Promise<HijackedStream> {
    const raw = await this.#raw(call);
    const { response, stream } = await this.#transport.hijack(raw);
    if (stream === undefined) {
      await checkStatus(response, this.#transport.url(raw.path));
      response.destroy();
      throw new EngineError("internal", ErrorCode.INTERNAL, "unable to upgrade to tcp, received 200");
    }
    const type = response.headers["content-type"];
    const multiplexed = type === undefined ? undefined : type.includes("multiplexed-stream");
    return { stream, multiplexed };
  }

  /**
   * What only varve answers is asked for without asking for the version first: a round trip less. Undefined when that has to be
   * done: the daemon is older, or not there yet.
   */
  async #openUnasked(
    call: EngineCall,
  ): Promise<{ readonly raw: RawCall; readonly response: IncomingMessage } | undefined> {
    if (this.#version !== undefined || call.upload !== undefined || !call.path.startsWith(OWN_PATHS)) return undefined;
    const raw = this.#toRaw(call, this.#options.apiVersion ?? CLIENT_API_VERSION);
    try {
      const response = await this.#transport.send(raw);
      if (response.statusCode !== BAD_REQUEST) return { raw, response };
      // Refused, so nothing was done: it may have been for the version.
      response.resume();
      return undefined;
    } catch (error) {
      if (isNotListening(isEngineError(error) ? error.cause : error)) return undefined;
      throw error;
    }
  }

  async #raw(call: EngineCall): Promise<RawCall> {
    return this.#toRaw(call, await this.#versionToTry());
  }

  #toRaw(call: EngineCall, version: string): RawCall {
    const headers: OutgoingHttpHeaders = { "User-Agent": "varve-client", ...this.#options.headers, ...call.headers };
    let body: RawCall["body"];
    if (call.json !== undefined) {
      body = JSON.stringify(call.json);
      headers["Content-Type"] = "application/json";
      headers["Content-Length"] = Buffer.byteLength(body);
    } else if (call.upload !== undefined) {
      body = call.upload;
      headers["Content-Type"] ??= "application/x-tar";
    } else if (call.method === "POST") {
      headers["Content-Length"] = 0;
    }
    return {
      method: call.method ?? "GET",
      path: `/v${version}${call.path}${queryText(call.query)}`,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    };
  }

  /** A daemon that cannot be asked cannot be called either: the call itself then fails, and names what was wanted. */
  async #versionToTry(): Promise<string> {
    try {
      return await this.apiVersion();
    } catch (error) {
      if (this.#startFailed) throw error;
      return this.#options.apiVersion ?? CLIENT_API_VERSION;
    }
  }

  async #negotiate(): Promise<string> {
    const { apiVersion, startDaemon } = this.#options;
    if (apiVersion !== undefined && startDaemon === undefined) return apiVersion;
    const response = await this.#ping();
    response.resume();
    // Until then its connection is not free, and the call would open another one.
    await once(response, "end");
    const named = response.headers["api-version"];
    return apiVersion ?? negotiate(typeof named === "string" ? named : undefined);
  }

  async #ping(): Promise<IncomingMessage> {
    try {
      return await this.#transport.send({ method: "HEAD", path: "/_ping", headers: {} });
    } catch (error) {
      const cause = isEngineError(error) ? error.cause : error;
      const start = this.#options.startDaemon;
      if (!this.#mayStart || start === undefined || !isNotListening(cause)) throw error;
      this.#mayStart = false;
      this.#startFailed = true;
      await start();
      this.#startFailed = false;
      return this.#ping();
    }
  }
}

/** See {@link EngineClient}; nothing is sent before the first call. */
export function createEngineClient(options: EngineClientOptions): EngineClient {
  return new HttpEngineClient(options);
}
