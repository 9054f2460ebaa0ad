import { EngineError, ErrorCode } from "#errors";
import { DEFAULT_DOMAIN } from "#oci";

/** `https://index.docker.io/v1/`, `registry.example:5000`, `http://host/v2/` or nothing → the domain of references. */
export function domainOfServerAddress(serverAddress: string): string {
  const text = serverAddress.trim();
  if (text === "") return DEFAULT_DOMAIN;
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || url.host === "")
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      `invalid registry address: ${JSON.stringify(text.slice(0, 200))}`,
    );
  return url.host === "index.docker.io" ? DEFAULT_DOMAIN : url.host;
}
