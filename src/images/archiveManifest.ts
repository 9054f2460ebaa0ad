/** Names in a docker-archive, and the OCI manifest that an image gets when nothing brought one. */
import { MediaType, digestOf, parseReference } from "#oci";
import type { Descriptor, DiffId, Digest, Platform, Reference } from "#oci";
import { parseDigest } from "#oci";
import { invalidArchive } from "./imageErrors.ts";

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

/** An index over images, as `docker save` nests it. The same images give the same bytes. */
export function writePlainIndex(
  manifests: readonly { readonly descriptor: Descriptor; readonly platform: Platform }[],
): WrittenManifest {
  const document = {
    schemaVersion: 2,
    mediaType: MediaType.OCI_INDEX,
    manifests: manifests.map(({ descriptor, platform }) => ({ ...descriptor, platform })),
  };
  const raw = Buffer.from(JSON.stringify(document));
  return { raw, descriptor: { mediaType: MediaType.OCI_INDEX, digest: digestOf(raw), size: raw.length } };
}

/** A layer's tar as a blob. */
export function plainDescriptor({ diffId, tarBytes }: PlainLayer): Descriptor {
  return { mediaType: MediaType.OCI_LAYER, size: tarBytes, digest: parseDigest(diffId) };
}

/** A `RepoTags` entry. @throws {invalid_argument} in dockerd's words */
export function parseRepoTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === undefined) throw invalidArchive(`invalid tag ${JSON.stringify(text)}`);
  return { domain: reference.domain, path: reference.path, tag: reference.tag };
}
