import { API_VERSION, MIN_API_VERSION } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";

/** An API version as numbers that compare: 1.45 → 1045. */
export type ApiVersion = number;

function toNumber(text: string): ApiVersion {
  const [major = "0", minor = "0"] = text.split(".");
  return Number(major) * 1000 + Number(minor);
}

/** The version of unversioned requests: the newest. */
export const LATEST: ApiVersion = toNumber(API_VERSION);

/**
 * `/v1.45/images/json` → its version and `/images/json`; no prefix means the newest.
 * @throws {invalid_argument} in Docker's words when the version is outside what is spoken.
 */
export function splitVersion(path: string): { readonly version: ApiVersion; readonly path: string } {
  const found = /^\/v(\d+(?:\.\d+)?)(\/.*)$/.exec(path);
  if (found === null) return { version: LATEST, path };
  const [, text = "", rest = "/"] = found;
  const version = toNumber(text);
  const refuse = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  if (version < toNumber(MIN_API_VERSION)) {
    throw refuse(
      `client version ${text} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (version > LATEST)
    throw refuse(`client version ${text} is too new. Maximum supported API version is ${API_VERSION}`);
  return { version, path: rest };
}
