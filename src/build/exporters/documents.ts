import { digestOf, MediaType } from "#oci";
import type { Compression, Descriptor, Platform } from "#oci";
import { goJson, goMap, withoutEmpty } from "./goJson.ts";

type Annotations = Readonly<Record<string, string>>;

/** Bytes beside the descriptor that names them. */
export interface Document {
  readonly raw: Uint8Array;
  readonly descriptor: Descriptor;
}

const DOCKER_LAYERS: Readonly<Record<Compression, string>> = {
  none: MediaType.DOCKER_LAYER,
  gzip: MediaType.DOCKER_LAYER_GZIP,
  zstd: MediaType.DOCKER_LAYER_ZSTD,
};
const OCI_LAYERS: Readonly<Record<Compression, string>> = {
  none: MediaType.OCI_LAYER,
  gzip: MediaType.OCI_LAYER_GZIP,
  zstd: MediaType.OCI_LAYER_ZSTD,
};

export function layerType(compression: Compression, isOci: boolean): string {
  return (isOci ? OCI_LAYERS : DOCKER_LAYERS)[compression];
}

export function document(mediaType: string, raw: Uint8Array): Document {
  return { raw, descriptor: { mediaType, digest: digestOf(raw), size: raw.byteLength } };
}

/** A manifest byte for byte as BuildKit writes it. */
export function writeManifest(
  parts: { readonly config: Descriptor; readonly layers: readonly Descriptor[]; readonly annotations: Annotations },
  isOci: boolean,
): Document {
  const mediaType = isOci ? MediaType.OCI_MANIFEST : MediaType.DOCKER_MANIFEST;
  const layers = parts.layers.map(goDescriptor);
  const value = {
    schemaVersion: 2,
    mediaType,
    config: goDescriptor(parts.config),
    layers: layers.length === 0 ? null : layers,
    ...withoutEmpty({ annotations: goMap(parts.annotations) }),
  };
  return document(mediaType, Buffer.from(goJson(value, "  ")));
}

export function writeIndex(manifests: readonly Descriptor[], annotations: Annotations, isOci: boolean): Document {
  const mediaType = isOci ? MediaType.OCI_INDEX : MediaType.DOCKER_MANIFEST_LIST;
  const value = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(goDescriptor),
    ...withoutEmpty({ annotations: goMap(annotations) }),
  };
  return document(mediaType, Buffer.from(goJson(value, "  ")));
}

/** Keys in the order of Go's struct. */
export function goDescriptor(descriptor: Descriptor): Readonly<Record<string, unknown>> {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...withoutEmpty({
      urls,
      annotations: annotations && goMap(annotations),
      data,
      platform: platform && goPlatform(platform),
      artifactType,
    }),
  };
}

function goPlatform(platform: Platform): Readonly<Record<string, unknown>> {
  const { architecture, os, variant } = platform;
  const more = { "os.version": platform["os.version"], "os.features": platform["os.features"], variant };
  return { architecture, os, ...withoutEmpty(more) };
}
