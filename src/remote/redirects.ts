import { EngineError, ErrorCode, redactUrl } from "#errors";
import type { HttpResponse } from "./httpResponse.ts";
import { headerOf } from "./transport.ts";
import type { HttpRequest, Transport } from "./transport.ts";

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends and follows at most five redirects. `Authorization` goes to the first host only and does not come back. A redirect
 * to another scheme than http(s), from https to http, or with a user in it is refused. Bodies are never sent twice.
 */
export async function sendFollowing(transport: Transport, first: HttpRequest): Promise<HttpResponse> {
  let request = first;
  for (let count = 0; ; count += 1) {
    const response = await transport.send(request);
    const location = headerOf(response.headers, "location");
    const isFollowed = REDIRECTS.has(response.status) && location !== undefined && request.body === undefined;
    if (!isFollowed) return response;
    response.discard();
    if (count === MAX_REDIRECTS) throw refused(request.url, `stopped after ${MAX_REDIRECTS} redirects`);
    request = redirected(request, location);
  }
}

function redirected(request: HttpRequest, location: string): HttpRequest {
  const url = URL.parse(location, request.url);
  if (url === null) throw refused(request.url, "the redirect is no URL");
  const to = `redirect to ${JSON.stringify(redactUrl(url.href).slice(0, 200))} refused`;
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refused(request.url, `${to}: unsupported scheme`);
  if (url.protocol === "http:" && request.url.protocol === "https:") throw refused(request.url, `${to}: not https`);
  if (url.username !== "" || url.password !== "") throw refused(request.url, `${to}: it holds credentials`);
  if (url.origin === request.url.origin) return { ...request, url };
  const { Authorization: _, ...headers } = request.headers;
  return { ...request, url, headers, isInsecure: false };
}

function refused(from: URL, why: string): EngineError {
  return new EngineError("failed_precondition", ErrorCode.REGISTRY, `Get "${redactUrl(from.href)}": ${why}`);
}
