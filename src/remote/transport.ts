import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AgentPool } from "./agentPool.ts";
import { HttpResponse } from "./httpResponse.ts";
import { networkError } from "./networkError.ts";
import { cancelled, throwIfCancelled } from "./retry.ts";
import type { Timeouts } from "./timeouts.ts";

/** What is sent with a request; `size` undefined means chunked transfer encoding. */
export interface RequestBody {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly size: number | undefined;
}

/** One HTTP request, without any policy (redirects, auth and retries are above). */
export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal | undefined;
  /** Certificates need not be verified. */
  readonly isInsecure?: boolean;
  /** A large answer is expected: read it with as few copies as the connection allows. */
  readonly isBulk?: boolean;
}

/** Sends one request and resolves with the head of the answer. @throws {unavailable} with Go's words, {cancelled}. */
export class Transport {
  readonly #agents: AgentPool;
  readonly #timeouts: Timeouts;
  readonly #userAgent: string;

  constructor(agents: AgentPool, options: { readonly timeouts: Timeouts; readonly userAgent: string }) {
    this.#agents = agents;
    this.#timeouts = options.timeouts;
    this.#userAgent = options.userAgent;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    throwIfCancelled(request.signal);
    try {
      return await this.#exchange(request);
    } catch (error) {
      if (request.signal?.aborted === true) throw cancelled(request.signal);
      if (error instanceof SourceError) throw error.cause;
      throw networkError(error, request);
    }
  }

  async #exchange(request: HttpRequest): Promise<HttpResponse> {
    const isTls = request.url.protocol === "https:";
    const agent = await this.#agents.agentFor(request.url, {
      isInsecure: request.isInsecure === true,
      isBulk: request.isBulk === true,
    });
    const outgoing = (isTls ? httpsRequest : httpRequest)(request.url, {
      agent,
      method: request.method,
      headers: { "User-Agent": this.#userAgent, ...request.headers, ...bodyHeaders(request) },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    this.#limit(outgoing, request.body !== undefined);
    return await new Promise((resolve, reject) => {
      outgoing.on("error", reject);
      outgoing.on("response", (message: IncomingMessage) => {
        outgoing.setTimeout(0);
        resolve(new HttpResponse(message, request, this.#timeouts.idleMs));
      });
      outgoing.on("close", () => reject(hangUp()));
      sendBody(outgoing, request.body).catch(reject);
    });
  }

  #limit(outgoing: ClientRequest, hasBody: boolean): void {
    const { connectMs, answerMs, uploadAnswerMs } = this.#timeouts;
    const connecting = setTimeout(() => outgoing.destroy(timeout("connect")), connectMs);
    const connected = (): void => clearTimeout(connecting);
    outgoing.once("socket", (socket) => {
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    outgoing.once("close", connected);
    const idleMs = hasBody ? uploadAnswerMs : answerMs;
    outgoing.setTimeout(idleMs, () => outgoing.destroy(timeout("read")));
  }
}

function timeout(syscall: string): Error {
  return Object.assign(new Error("i/o timeout"), { code: "ETIMEDOUT", syscall });
}

function hangUp(): Error {
  return Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
}

function bodyHeaders(request: HttpRequest): Readonly<Record<string, string>> {
  if (request.body === undefined) {
    return request.method === "POST" || request.method === "PUT" || request.method === "PATCH"
      ? { "Content-Length": "0" }
      : {};
  }
  return request.body.size === undefined ? {} : { "Content-Length": String(request.body.size) };
}

async function sendBody(outgoing: ClientRequest, body: RequestBody | undefined): Promise<void> {
  if (body === undefined) outgoing.end();
  else await pipeline(Readable.from(guarded(body.chunks), { objectMode: false }), outgoing);
}

/** The caller's own body failed: that is not the network's fault and reaches the caller as it is. */
class SourceError extends Error {}

async function* guarded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new SourceError("the body's source failed", { cause });
  }
}

/** A header that has one value. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
