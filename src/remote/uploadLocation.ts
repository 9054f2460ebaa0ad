import type { Digest } from "#oci";
import { EngineError, ErrorCode, redactUrl } from "#errors";
import type { HttpResponse } from "./httpResponse.ts";
import { headerOf } from "./transport.ts";

/** Where the upload goes on; absolute or relative to the request. @throws {unavailable} when the registry told no usable one. */
export function uploadLocation(response: HttpResponse): URL {
  const from = response.request.url;
  const text = headerOf(response.headers, "location");
  const url = text === undefined ? null : URL.parse(text, from);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw bad(from, "the registry gave no upload location");
  if (from.protocol !== "https:" || url.protocol === "https:") return url;
  // A registry behind a TLS proxy often does not know that it is; its own host over http is meant to be https.
  if (url.hostname !== from.hostname) throw bad(from, "upload location refused: not https");
  url.protocol = "https:";
  return url;
}

/** The URL that ends the upload. */
export function withDigestParameter(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url;
}

/**
 * `Range: 0-1023` of an upload's state → 1024, the bytes that the registry has. `0-0` is what registries say of none, too;
 * who asks is then answered that a range is wrong, should it have been one.
 */
export function acknowledgedBytes(response: HttpResponse): number | undefined {
  const match = /^(?:bytes=)?0-(\d+)$/.exec(headerOf(response.headers, "range") ?? "");
  if (match === null) return undefined;
  const last = Number(match[1]);
  return last === 0 ? 0 : last + 1;
}

function bad(from: URL, why: string): EngineError {
  return new EngineError("unavailable", ErrorCode.REGISTRY, `Post "${redactUrl(from.href)}": ${why}`);
}
