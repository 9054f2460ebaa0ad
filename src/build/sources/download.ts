import { request as plainRequest, Agent as PlainAgent } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as tlsRequest, Agent as TlsAgent } from "node:https";
import { EngineError, ErrorCode, findEngineError, redactUrl } from "#errors";
import { networkError } from "#remote";

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** A file larger than this is no build's. bytes */
const MAX_BYTES = 16 * 2 ** 30;
/** Silence for so long ends a download. */
const IDLE_MS = 120_000;

/** An answer that is good (2xx), or "not modified". */
export interface Answer extends Disposable {
  readonly isUnchanged: boolean;
  readonly header: (name: string) => string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Gets a URL, through the proxies of the daemon's environment, following at most ten redirects, http and https only.
 * @throws {unavailable} in Go's words; {invalid_argument} `invalid response status 404`
 */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  let target = checked(url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await ask(target, headers, signal);
    const { statusCode = 0 } = response;
    const location = REDIRECTS.has(statusCode) ? response.headers.location : undefined;
    if (location === undefined) return answerOf(response, statusCode, { url: target, signal });
    response.destroy();
    target = checked(new URL(location, target).href);
  }
  throw new EngineError("unavailable", ErrorCode.SOURCE_FAILED, `Get "${redactUrl(url)}": stopped after 10 redirects`);
}

function checked(text: string): URL {
  const url = new URL(text);
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  const message = `Get "${redactUrl(text)}": unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

function ask(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
  const isTls = url.protocol === "https:";
  const proxyEnv = process.env;
  const agent = isTls ? new TlsAgent({ proxyEnv }) : new PlainAgent({ proxyEnv });
  return new Promise((resolve, reject) => {
    const options = { agent, headers: { "User-Agent": "varve", ...headers }, signal, timeout: IDLE_MS };
    const request = (isTls ? tlsRequest : plainRequest)(url, options, resolve);
    request.on("timeout", () => request.destroy(new Error("i/o timeout")));
    request.on("error", (error) => reject(signal.aborted ? error : networkError(error, { method: "GET", url })));
    request.end();
  });
}

function answerOf(
  response: IncomingMessage,
  status: number,
  { url, signal }: { readonly url: URL; readonly signal: AbortSignal },
): Answer {
  const isUnchanged = status === 304;
  if (!isUnchanged && (status < 200 || status >= 300)) {
    response.destroy();
    throw new EngineError("unavailable", ErrorCode.SOURCE_FAILED, `invalid response status ${status}`);
  }
  return {
    isUnchanged,
    header: (name) => {
      const value = response.headers[name];
      return typeof value === "string" && value !== "" ? value : undefined;
    },
    body: bounded(response, { url, signal }),
    [Symbol.dispose]: () => {
      response.destroy();
    },
  };
}

function tooLarge(url: URL): EngineError {
  return new EngineError("resource_exhausted", ErrorCode.BLOB_TOO_LARGE, `${redactUrl(url.href)}: more than 16 GiB`);
}

async function* bounded(
  response: IncomingMessage,
  { url, signal }: { readonly url: URL; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, void> {
  let bytes = 0;
  try {
    for await (const chunk of response) {
      const part = Buffer.from(chunk);
      bytes += part.length;
      if (bytes > MAX_BYTES) throw tooLarge(url);
      yield part;
    }
  } catch (error) {
    if (response.complete || signal.aborted || findEngineError(error) !== undefined) throw error;
    // Less than its length said, or a connection that broke: Go's words for both.
    throw new EngineError("unavailable", ErrorCode.SOURCE_FAILED, "unexpected EOF", { cause: error });
  }
}
