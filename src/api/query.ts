import { EngineError, ErrorCode } from "#errors";
import type { Filters } from "#engineapi";
import { familiarName, parsePlatform, parseReference, withDefaultTag, withTag } from "#oci";
import type { Platform, Reference } from "#oci";
import type { RegistryCredentials } from "#remote";
import type { Exchange } from "./exchange.ts";

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function badFilters(cause?: unknown): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, "invalid filter", { cause });
}

function filterValues(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  if (isObject(value)) return Object.keys(value).filter((key) => value[key] === true);
  throw badFilters();
}

/** `filters={"label":["a"]}` and the older `{"label":{"a":true}}`. @throws {invalid_argument} */
export function parseFilters(text: string | null): Filters {
  if (text === null || text === "") return new Map();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badFilters(cause);
  }
  if (!isObject(value)) throw badFilters();
  return new Map(Object.entries(value).map(([key, values]) => [key, filterValues(values)]));
}

/** `since` and `until`: seconds with fraction, as text → nanoseconds since 1970, exact. @throws {invalid_argument} */
export function parseTimestamp(text: string | null): bigint | undefined {
  if (text === null || text === "") return undefined;
  const found = /^(-?\d+)(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (found === null) {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  const [, seconds = "0", fraction = ""] = found;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** `platform=linux/arm64`, or the JSON object that newer endpoints take. @throws {invalid_argument} */
export function platformOf(exchange: Exchange, name = "platform"): { readonly platform?: Platform } {
  return parseOnePlatform(exchange.query.get(name));
}

/** `platforms={…}&platforms={…}`. @throws {invalid_argument} */
export function platformsOf(exchange: Exchange): readonly Platform[] {
  return exchange.query.getAll("platforms").flatMap((text) => parseOnePlatform(text).platform ?? []);
}

function parseOnePlatform(text: string | null): { readonly platform?: Platform } {
  if (text === null || text === "") return {};
  if (!text.startsWith("{")) return { platform: parsePlatform(text) };
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value) && typeof value["os"] === "string" && typeof value["architecture"] === "string") {
      return {
        platform: parsePlatform(
          [
            value["os"],
            value["architecture"],
            ...(typeof value["variant"] === "string" && value["variant"] !== "" ? [value["variant"]] : []),
          ].join("/"),
        ),
      };
    }
  } catch (cause) {
    throw new EngineError("invalid_argument", ErrorCode.INVALID_PLATFORM, `failed to parse platform: ${text}`, {
      cause,
    });
  }
  throw new EngineError("invalid_argument", ErrorCode.INVALID_PLATFORM, `failed to parse platform: ${text}`);
}

/** The bytes of a path in the query, latin1 (a path need not be UTF-8), without "/" in front; undefined when it is not there. */
export function pathBytesOf(exchange: Exchange, name: string): string | undefined {
  const query = exchange.request.url?.split("?", 2)[1] ?? "";
  const pair = query.split("&").find((part) => part.startsWith(`${name}=`));
  return pair
    ?.slice(name.length + 1)
    .replaceAll("+", " ")
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/^\/+/, "");
}

/** `repo` and `tag` of tag and import → the name to give; undefined without `repo`. @throws {invalid_argument} */
export function newNameOf(exchange: Exchange): Reference | undefined {
  const repository = exchange.query.get("repo") ?? "";
  const tag = exchange.query.get("tag") ?? "";
  if (repository === "") return undefined;
  const reference = parseReference(repository);
  const refuse = (message: string): EngineError =>
    new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, message);
  if (reference.digest !== undefined) throw refuse("cannot import digest reference");
  if (familiarName(reference) === "sha256")
    throw refuse("refusing to create an ambiguous tag using digest algorithm as name");
  return tag === "" ? withDefaultTag(reference) : withTag(reference, tag);
}

/** The AuthConfig object of the API → credentials; undefined when it names none. */
export function parseAuthConfig(value: unknown): RegistryCredentials | undefined {
  if (!isObject(value)) return undefined;
  const text = (key: string): string | undefined => {
    const item = value[key];
    return typeof item === "string" && item !== "" ? item : undefined;
  };
  const username = text("username");
  const password = text("password");
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  if (username === undefined && identityToken === undefined && registryToken === undefined) return undefined;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
}

/** `X-Registry-Auth`: base64url of AuthConfig JSON. A malformed header counts as none, as in Docker. */
export function credentialsOf(
  exchange: Exchange,
  name: "x-registry-auth" | "x-registry-source-auth" = "x-registry-auth",
): { readonly credentials?: RegistryCredentials } {
  const header = exchange.request.headers[name];
  if (typeof header !== "string" || header === "") return {};
  try {
    const credentials = parseAuthConfig(JSON.parse(Buffer.from(header, "base64url").toString("utf8")));
    return credentials === undefined ? {} : { credentials };
  } catch {
    // dockerd, too, goes on anonymously: pull of a public image must work behind a broken credential helper.
    return {};
  }
}
