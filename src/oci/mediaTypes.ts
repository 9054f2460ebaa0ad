/** Media types of OCI image-spec 1.1 (media-types.md) and Docker's schema 2. */
export const MediaType = {
  OCI_INDEX: "application/vnd.oci.image.index.v1+json",
  OCI_MANIFEST: "application/vnd.oci.image.manifest.v1+json",
  OCI_CONFIG: "application/vnd.oci.image.config.v1+json",
  OCI_LAYER: "application/vnd.oci.image.layer.v1.tar",
  OCI_LAYER_GZIP: "application/vnd.oci.image.layer.v1.tar+gzip",
  OCI_LAYER_ZSTD: "application/vnd.oci.image.layer.v1.tar+zstd",
  OCI_EMPTY: "application/vnd.oci.empty.v1+json",
  DOCKER_MANIFEST_LIST: "application/vnd.docker.distribution.manifest.list.v2+json",
  DOCKER_MANIFEST: "application/vnd.docker.distribution.manifest.v2+json",
  DOCKER_MANIFEST_V1: "application/vnd.docker.distribution.manifest.v1+prettyjws",
  DOCKER_CONFIG: "application/vnd.docker.container.image.v1+json",
  DOCKER_LAYER: "application/vnd.docker.image.rootfs.diff.tar",
  DOCKER_LAYER_GZIP: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  DOCKER_LAYER_ZSTD: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  DOCKER_FOREIGN_LAYER: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

/** How a layer's bytes are stored. */
export type Compression = "none" | "gzip" | "zstd";

const LAYERS: ReadonlyMap<string, Compression> = new Map([
  [MediaType.OCI_LAYER, "none"],
  [MediaType.OCI_LAYER_GZIP, "gzip"],
  [MediaType.OCI_LAYER_ZSTD, "zstd"],
  [MediaType.DOCKER_LAYER, "none"],
  [MediaType.DOCKER_LAYER_GZIP, "gzip"],
  [MediaType.DOCKER_LAYER_ZSTD, "zstd"],
  [MediaType.DOCKER_FOREIGN_LAYER, "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
] as const);

/** Compression that a layer's media type declares; undefined if it is no layer media type. The bytes decide in the end. */
export function compressionOf(mediaType: string): Compression | undefined {
  return LAYERS.get(mediaType);
}

export function isIndexMediaType(mediaType: string): boolean {
  return mediaType === MediaType.OCI_INDEX || mediaType === MediaType.DOCKER_MANIFEST_LIST;
}

export function isManifestMediaType(mediaType: string): boolean {
  return mediaType === MediaType.OCI_MANIFEST || mediaType === MediaType.DOCKER_MANIFEST;
}
