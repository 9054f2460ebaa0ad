import { isIndexMediaType, parseDescriptor } from "#oci";
import type { Descriptor } from "#oci";
import { platformJson } from "../manifests/imageManifest.ts";

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** An index as far as these commands read it. */
export interface IndexDocument {
  readonly schemaVersion: number;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

export function parseJson(raw: Uint8Array): Json {
  const value: unknown = JSON.parse(Buffer.from(raw).toString("utf8"));
  return isObject(value) ? value : {};
}

function stringsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}

/** Manifests of an index; none for what is an image. */
export function parseIndex(raw: Uint8Array): IndexDocument {
  const { schemaVersion, mediaType, manifests, annotations } = parseJson(raw);
  return {
    schemaVersion: Number(schemaVersion ?? 0),
    ...(typeof mediaType === "string" ? { mediaType } : {}),
    manifests: Array.isArray(manifests) ? manifests.map((one) => parseDescriptor(one, "manifests")) : [],
    annotations: stringsOf(annotations),
  };
}

/** Config and layers. */
export function parseImage(raw: Uint8Array): { readonly config: Descriptor; readonly layers: readonly Descriptor[] } {
  const { config, layers } = parseJson(raw);
  return {
    config: parseDescriptor(config, "config"),
    layers: Array.isArray(layers) ? layers.map((one) => parseDescriptor(one, "layers")) : [],
  };
}

export const isImage = (mediaType: string): boolean =>
  mediaType === "application/vnd.oci.image.manifest.v1+json" ||
  mediaType === "application/vnd.docker.distribution.manifest.v2+json";
export const isIndex: (mediaType: string) => boolean = isIndexMediaType;

const sorted = (map: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));

/** A map as encoding/json writes it: by key; nothing when it is empty. */
export function annotationsJson(annotations: Readonly<Record<string, string>> | undefined): {
  readonly annotations?: Readonly<Record<string, string>>;
} {
  if (annotations === undefined || Object.keys(annotations).length === 0) return {};
  return { annotations: sorted(annotations) };
}

/** Keys in the order of image-spec's Go struct. */
export function descriptorJson(descriptor: Descriptor): Json {
  const { mediaType, digest, size, urls = [], annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls.length === 0 ? {} : { urls }),
    ...annotationsJson(annotations),
    ...(data === undefined ? {} : { data }),
    ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}
