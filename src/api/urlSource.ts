import { EngineError, ErrorCode, redactUrl } from "#errors";
import type { ProgressSink } from "#engineapi";
import { networkError } from "#remote";

/**
 * `docker import URL`: opens http and https only, follows redirects within these schemes.
 * @throws {invalid_argument} for another scheme, {unavailable} when it cannot be fetched.
 */
export async function openSource(
  source: string,
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const url = URL.parse(source.includes("://") ? source : `http://${source}`);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      `invalid source ${JSON.stringify(source)}: expected an http or https URL`,
    );
  }
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw networkError(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause, {
      method: "GET",
      url,
    });
  });
  if (!response.ok || response.body === null) {
    throw new EngineError(
      "unavailable",
      ErrorCode.REGISTRY,
      `Got HTTP status code >= 400: ${response.status} ${response.statusText}`,
    );
  }
  progress({ status: `Downloading from ${redactUrl(url.toString())}` });
  return response.body;
}
