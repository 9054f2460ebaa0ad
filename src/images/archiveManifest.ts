/** `manifest.json` of a docker-archive, and the OCI manifest that an image gets when nothing brought one. */
import { MediaType, digestOf, parseReference } from "#oci";
import type { Descriptor, DiffId, Digest, Reference } from "#oci";
import { parseDigest } from "#oci";
import { invalidArchive } from "./imageErrors.ts";

/** One image of `manifest.json`; paths are those of members. */
export interface DockerArchiveImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  /** base first */
  readonly Layers: readonly string[];
}

/** A manifest's bytes beside the descriptor that names them. */
export interface WrittenManifest {
  readonly raw: Uint8Array;
  readonly descriptor: Descriptor;
}

/** A layer as its uncompressed tar. */
export interface PlainLayer {
  readonly diffId: DiffId;
  /** bytes */
  readonly tarBytes: number;
}

/** Tells the layers of an image as plain tars, as `docker save` does. The same image gives the same bytes. */
export function writePlainManifest(
  config: { readonly digest: Digest; readonly size: number },
  layers: readonly PlainLayer[],
): WrittenManifest {
  const document = {
    schemaVersion: 2,
    mediaType: MediaType.OCI_MANIFEST,
    config: { mediaType: MediaType.OCI_CONFIG, digest: config.digest, size: config.size },
    layers: layers.map(plainDescriptor),
  };
  const raw = Buffer.from(JSON.stringify(document));
  return { raw, descriptor: { mediaType: MediaType.OCI_MANIFEST, digest: digestOf(raw), size: raw.length } };
}

/** A layer's tar as a blob. */
export function plainDescriptor({ diffId, tarBytes }: PlainLayer): Descriptor {
  return { mediaType: MediaType.OCI_LAYER, size: tarBytes, digest: parseDigest(diffId) };
}

/** @throws {invalid_argument} INVALID_ARCHIVE when it is no list of images */
export function parseDockerArchive(raw: Uint8Array): readonly DockerArchiveImage[] {
  const value = parseJson(raw, "manifest.json");
  if (!Array.isArray(value)) throw invalidArchive("manifest.json is not a list");
  return value.map((item: unknown, index) => {
    if (typeof item !== "object" || item === null) throw invalidArchive(`manifest.json[${index}] is not an object`);
    const { Config, RepoTags, Layers } = item as Readonly<Record<string, unknown>>;
    if (typeof Config !== "string" || Config === "") throw invalidArchive(`manifest.json[${index}] has no Config`);
    return { Config, RepoTags: strings(RepoTags, "RepoTags"), Layers: strings(Layers, "Layers") };
  });
}

/** A `RepoTags` entry. @throws {invalid_argument} in dockerd's words */
export function parseRepoTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === undefined) throw invalidArchive(`invalid tag ${JSON.stringify(text)}`);
  return { domain: reference.domain, path: reference.path, tag: reference.tag };
}

function strings(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalidArchive(`${name} of manifest.json is not a list of strings`);
}

function parseJson(raw: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(raw).toString("utf8"));
  } catch (cause) {
    throw invalidArchive(`${name} is not JSON`, cause);
  }
}
