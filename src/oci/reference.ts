import { EngineError, ErrorCode } from "#errors";
import { isDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";

/**
 * A normalised image reference: `nginx` is `{ domain: "docker.io", path: "library/nginx" }`. Without tag and digest it
 * names a repository. Grammar: distribution/reference (docker) v0.6.
 */
export interface Reference {
  /** Registry host and port, e.g. `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** Repository within the registry, e.g. `library/nginx`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
const MAX_REPOSITORY_LENGTH = 255;

const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const HEX_ID = /^[a-f0-9]{64}$/;
const DIGEST_SHAPE = /^([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})$/;
const HEX_DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

function invalid(why = "invalid reference format"): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, why);
}

function splitDomain(name: string): [domain: string, remainder: string] {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = isHost ? first : DEFAULT_DOMAIN;
  const remainder = isHost ? name.slice(slash + 1) : name;
  const canonical = domain === LEGACY_DOMAIN ? DEFAULT_DOMAIN : domain;
  return [canonical, canonical === DEFAULT_DOMAIN && !remainder.includes("/") ? OFFICIAL + remainder : remainder];
}

function splitTag(rest: string): [name: string, tag?: string] {
  const colon = rest.lastIndexOf(":");
  if (colon < 0 || rest.indexOf("/", colon) >= 0) return [rest];
  return [rest.slice(0, colon), rest.slice(colon + 1)];
}

/** The words of opencontainers/go-digest for what looks like a digest and is none. */
function checkDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm = "", encoded = ""] = text.split(":");
  const expected = HEX_DIGITS[algorithm];
  if (expected === undefined) throw invalid("unsupported digest algorithm");
  throw invalid(`invalid checksum digest ${encoded.length === expected ? "format" : "length"}`);
}

function checkCase(path: string): void {
  const [remote = ""] = path.split(":", 1);
  if (remote.toLowerCase() !== remote)
    throw invalid(`invalid reference format: repository name (${remote}) must be lowercase`);
}

/**
 * What a user types → normalised reference; no default tag is added (see {@link withDefaultTag}).
 * @throws {invalid_argument} with Docker's own words: `invalid reference format`, `… repository name (X) must be lowercase`,
 * `invalid repository name (<64 hex>), cannot specify 64-byte hexadecimal strings`, `invalid checksum digest length` ….
 */
export function parseReference(text: string): Reference {
  if (HEX_ID.test(text)) throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  checkCase(splitDomain(text)[1]);
  const at = text.indexOf("@");
  const [name, tag] = splitTag(at < 0 ? text : text.slice(0, at));
  const [domain, path] = splitDomain(name);
  if (!DOMAIN.test(domain) || !path.split("/").every((part) => COMPONENT.test(part))) throw invalid();
  if (tag !== undefined && !TAG.test(tag)) throw invalid();
  if (at >= 0 && !DIGEST_SHAPE.test(text.slice(at + 1))) throw invalid();
  if (path.length > MAX_REPOSITORY_LENGTH)
    throw invalid(`repository name must not be more than ${MAX_REPOSITORY_LENGTH} characters`);
  const digest = at < 0 ? undefined : checkDigest(text.slice(at + 1));
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Adds `latest` where the reference has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: "latest" } : reference;
}

/** @throws {invalid_argument} when the tag is not `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`. */
export function withTag(reference: Reference, tag: string): Reference {
  if (!TAG.test(tag)) throw invalid("invalid tag format");
  return { domain: reference.domain, path: reference.path, tag };
}

/** The repository with this digest and no tag. */
export function withDigest(reference: Reference, digest: Digest): Reference {
  return { domain: reference.domain, path: reference.path, digest };
}

/** The repository only. */
export function repositoryOf(reference: Reference): Reference {
  return { domain: reference.domain, path: reference.path };
}

const suffix = (reference: Reference): string =>
  (reference.tag === undefined ? "" : `:${reference.tag}`) +
  (reference.digest === undefined ? "" : `@${reference.digest}`);

/** Whole form, used as the key of records: `docker.io/library/nginx:latest`. */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** Repository as people know it: `nginx`, `bitnami/redis`, `127.0.0.1:5000/a/b`. */
export function familiarName(reference: Reference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return `${reference.domain}/${reference.path}`;
  const path = reference.path;
  return path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes("/") ? path.slice(OFFICIAL.length) : path;
}

/** Whole reference as people know it: `nginx:latest`. */
export function familiarReference(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}
