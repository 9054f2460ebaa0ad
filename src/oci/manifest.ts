import { EngineError, ErrorCode, wrapError } from "#errors";
import { digestOf, parseDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";
import { isIndexMediaType, isManifestMediaType, MediaType } from "./mediaTypes.ts";
import { platformRank } from "./platform.ts";
import type { Platform } from "./platform.ts";

/** OCI content descriptor (image-spec 1.1, descriptor.md). `size` in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly data?: string;
}

/** Image manifest, OCI or Docker schema 2; layers base first. */
export interface OciManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Image index, OCI or Docker manifest list. */
export interface OciIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface ManifestBytes {
  /** Byte for byte as it came; its sha256 is `digest`. */
  readonly raw: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** A parsed manifest or index beside its own bytes, which are never re-serialised. */
export type ManifestDocument =
  | (ManifestBytes & { readonly kind: "manifest"; readonly value: OciManifest })
  | (ManifestBytes & { readonly kind: "index"; readonly value: OciIndex });

/** Largest manifest or index that is read: 4 MiB (distribution-spec 1.1 asks registries to take that much). */
export const MAX_MANIFEST_BYTES: number = 4 << 20;
const MAX_LAYERS = 10_000;
const MAX_MANIFESTS = 10_000;

function bad(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_MANIFEST, message);
}

function unsupported(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.UNSUPPORTED_MEDIA_TYPE, message);
}

type Json = Readonly<Record<string, unknown>>;
function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseStringMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}

function parsePlatformObject(value: unknown): Platform | undefined {
  if (!isObject(value) || typeof value["os"] !== "string" || typeof value["architecture"] !== "string")
    return undefined;
  const { os, architecture, variant, "os.version": version, "os.features": features } = value;
  return {
    architecture,
    os,
    ...(typeof variant === "string" && variant !== "" ? { variant } : {}),
    ...(typeof version === "string" && version !== "" ? { "os.version": version } : {}),
    ...(Array.isArray(features) ? { "os.features": features.filter((item) => typeof item === "string") } : {}),
  };
}

function parseDigestAt(text: string, where: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    throw wrapError(error, `invalid manifest: ${where}`);
  }
}

/**
 * Unknown JSON → descriptor.
 * @throws {invalid_argument} when mediaType, digest or size is missing or malformed; `where` names the place.
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw bad(`invalid manifest: ${where} is not a descriptor`);
  const { mediaType, digest, size } = value as { mediaType?: unknown; digest?: unknown; size?: unknown };
  if (typeof mediaType !== "string") throw bad(`invalid manifest: ${where} has no mediaType`);
  if (typeof digest !== "string") throw bad(`invalid manifest: ${where} has no digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw bad(`invalid manifest: ${where} has no valid size`);
  const platform = parsePlatformObject(value["platform"]);
  const annotations = parseStringMap(value["annotations"]);
  const urls = value["urls"];
  return {
    mediaType,
    digest: parseDigestAt(digest, where),
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(Array.isArray(urls) ? { urls: urls.filter((url): url is string => typeof url === "string") } : {}),
    ...(typeof value["artifactType"] === "string" ? { artifactType: value["artifactType"] } : {}),
    ...(typeof value["data"] === "string" ? { data: value["data"] } : {}),
  };
}

function parseJson(raw: Uint8Array): Json {
  if (raw.byteLength > MAX_MANIFEST_BYTES)
    throw bad(`manifest is too large: ${raw.byteLength} bytes, at most ${MAX_MANIFEST_BYTES} are read`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("utf8"));
  } catch (cause) {
    throw new EngineError("invalid_argument", ErrorCode.INVALID_MANIFEST, "invalid manifest: not JSON", { cause });
  }
  if (!isObject(value)) throw bad("invalid manifest: not a JSON object");
  return value;
}

/** The document's own media type, else the declared one, else what its shape says; "" when nothing does. */
function mediaTypeOf(value: Json, declared: string | undefined): string {
  const own = value["mediaType"];
  if (typeof own === "string" && own !== "") return own;
  if (declared !== undefined && (isIndexMediaType(declared) || isManifestMediaType(declared))) return declared;
  if (Array.isArray(value["manifests"])) return MediaType.OCI_INDEX;
  if (isObject(value["config"])) return MediaType.OCI_MANIFEST;
  return declared ?? "";
}

/** A descriptor that calls an index a manifest, or the other way round, is the ambiguity of CVE-2021-41190 again. */
function checkDeclared(mediaType: string, declared: string | undefined): void {
  if (declared === undefined) return;
  const contrary = isIndexMediaType(mediaType) ? isManifestMediaType(declared) : isIndexMediaType(declared);
  if (contrary) throw bad(`invalid manifest: its mediaType is ${mediaType}, but it was announced as ${declared}`);
}

function refuseSchema1(value: Json, mediaType: string): void {
  const { schemaVersion } = value as { schemaVersion?: unknown };
  if (schemaVersion === 1 || mediaType.startsWith("application/vnd.docker.distribution.manifest.v1+")) {
    throw unsupported(
      `unsupported media type ${MediaType.DOCKER_MANIFEST_V1}: Docker image format v1 and manifest version 2, schema 1 are not supported`,
    );
  }
  if (schemaVersion !== undefined && schemaVersion !== 2)
    throw bad(`invalid manifest: unknown schemaVersion ${JSON.stringify(schemaVersion)}`);
}

/** Entries of `layers` or `manifests`; Go programs write an empty list as null. */
function parseList(value: Json, key: "layers" | "manifests", most: number): readonly Descriptor[] {
  const list = value[key] === null ? [] : value[key];
  if (!Array.isArray(list)) throw bad(`invalid manifest: ${key} is not a list`);
  if (list.length > most) throw bad(`invalid manifest: more than ${most} ${key}`);
  return list.map((item, index) => parseDescriptor(item, `${key}[${index}]`));
}

function refuseKeys(value: Json, kind: string, keys: readonly string[]): void {
  const found = keys.find((key) => value[key] !== undefined && value[key] !== null);
  if (found !== undefined) throw bad(`invalid ${kind}: it must not have ${found}`);
}

function common(value: Json): {
  artifactType?: string;
  subject?: Descriptor;
  annotations?: Readonly<Record<string, string>>;
} {
  const annotations = parseStringMap(value["annotations"]);
  return {
    ...(typeof value["artifactType"] === "string" ? { artifactType: value["artifactType"] } : {}),
    ...(isObject(value["subject"]) ? { subject: parseDescriptor(value["subject"], "subject") } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/**
 * Bytes of a manifest or index → document. `declaredMediaType` is the Content-Type or the descriptor's media type; the
 * document's own wins. A document that has both `layers` and `manifests`, or whose own media type contradicts the declared
 * one, is refused (CVE-2021-41190).
 * @throws {invalid_argument} when it is no manifest of schema 2 or OCI, is over 4 MiB, or has more than 10,000 entries.
 */
export function parseManifest(raw: Uint8Array, declaredMediaType?: string): ManifestDocument {
  const value = parseJson(raw);
  const mediaType = mediaTypeOf(value, declaredMediaType);
  refuseSchema1(value, mediaType);
  checkDeclared(mediaType, declaredMediaType);
  const own = { raw, digest: digestOf(raw), mediaType };
  if (isIndexMediaType(mediaType)) {
    refuseKeys(value, "index", ["layers", "config", "fsLayers"]);
    const manifests = parseList(value, "manifests", MAX_MANIFESTS);
    return { ...own, kind: "index", value: { schemaVersion: 2, mediaType, manifests, ...common(value) } };
  }
  if (!isManifestMediaType(mediaType))
    throw unsupported(`unsupported manifest media type ${JSON.stringify(mediaType)}`);
  refuseKeys(value, "manifest", ["manifests", "fsLayers"]);
  const layers = parseList(value, "layers", MAX_LAYERS);
  const config = parseDescriptor(value["config"], "config");
  return { ...own, kind: "manifest", value: { schemaVersion: 2, mediaType, config, layers, ...common(value) } };
}

/** True for an entry that is no runnable image: BuildKit's attestation manifests and artifacts. */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.["vnd.docker.reference.type"] === "attestation-manifest" ||
    descriptor.platform?.os === "unknown"
  );
}

/** The entry of an index that serves the platform best; undefined if none does. */
export function selectManifest(index: OciIndex, want: Platform): Descriptor | undefined {
  let best: Descriptor | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const descriptor of index.manifests) {
    if (isAttestation(descriptor)) continue;
    const rank = descriptor.platform === undefined ? 1000 : platformRank(want, descriptor.platform);
    if (rank !== undefined && rank < bestRank) {
      best = descriptor;
      bestRank = rank;
    }
  }
  return best;
}
