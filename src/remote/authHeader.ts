import { EngineError, ErrorCode } from "#errors";
import type { RegistryCredentials } from "./registryClient.ts";

/** AuthConfig of the Engine API (docker-engine-api v1.56): credentials and the registry they are for. */
export interface AuthConfig extends RegistryCredentials {
  readonly serverAddress?: string;
}

const MAX_HEADER_LENGTH = 64 << 10;
const FIELDS = {
  username: "username",
  password: "password",
  identitytoken: "identityToken",
  registrytoken: "registryToken",
  serveraddress: "serverAddress",
} as const;

/**
 * `X-Registry-Auth` (base64url of a JSON AuthConfig, padded or not) → credentials; undefined for an absent or empty one.
 * @throws {invalid_argument} `invalid X-Registry-Auth header: …`, as Docker does.
 */
export function parseAuthHeader(header: string | undefined): AuthConfig | undefined {
  if (header === undefined || header === "") return undefined;
  if (header.length > MAX_HEADER_LENGTH) throw invalid("too long");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
  } catch (cause) {
    throw invalid("not base64url of JSON", cause);
  }
  return parseAuthConfig(value);
}

/** A JSON AuthConfig (body of `POST /auth`, or inside of the header) → credentials; undefined when it holds none. */
export function parseAuthConfig(value: unknown): AuthConfig | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("not an object");
  const told = new Map(Object.entries(value).map(([name, text]): [string, unknown] => [name.toLowerCase(), text]));
  const found: Record<string, string> = {};
  for (const [wire, name] of Object.entries(FIELDS)) {
    const text = told.get(wire);
    if (typeof text === "string" && text !== "") found[name] = text;
  }
  const pair = told.get("auth");
  if (typeof pair === "string" && pair !== "" && found["username"] === undefined) Object.assign(found, parsePair(pair));
  return Object.keys(found).length === 0 ? undefined : found;
}

/** `auth` of config.json: base64 of `user:password`. */
function parsePair(pair: string): { readonly username: string; readonly password: string } {
  const text = Buffer.from(pair, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) throw invalid("auth is not user:password");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Credentials → the header's value (base64url with padding, as Docker's clients write it). */
export function formatAuthHeader(config: AuthConfig): string {
  const wire = Object.fromEntries(
    Object.entries(FIELDS).flatMap(([wire, name]) => {
      const text = config[name];
      return text === undefined ? [] : [[wire, text]];
    }),
  );
  return Buffer.from(JSON.stringify(wire)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function invalid(why: string, cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid X-Registry-Auth header: ${why}`, {
    cause,
  });
}
