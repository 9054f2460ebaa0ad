import { EngineError, ErrorCode } from "#errors";

function invalid(what: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `invalid mirror: ${what}`);
}

/** One mirror of a registry → its URL with `/` at the end, as `docker info` lists it. @throws {invalid_argument} INVALID_FLAG in dockerd's words. */
export function parseMirror(text: string): string {
  const shown = JSON.stringify(text);
  const url = URL.parse(text);
  if (url === null) throw invalid(`${shown} is not a valid URI`);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https")
    throw invalid(`unsupported scheme ${JSON.stringify(scheme)} in ${shown}`);
  if (url.search !== "" || url.hash !== "") throw invalid(`query or fragment at end of the URI ${shown}`);
  if (url.username !== "" || url.password !== "") {
    url.password = "xxxxx";
    throw invalid(`username/password not allowed in URI ${JSON.stringify(url.href)}`);
  }
  return text.endsWith("/") ? text : `${text}/`;
}
