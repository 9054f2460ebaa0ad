export {
  algorithmOf,
  chainIdOf,
  chainIdsOf,
  digestOf,
  hexOf,
  isDigest,
  parseChainId,
  parseDiffId,
  parseDigest,
} from "./digest.ts";
export type { ChainId, DiffId, Digest } from "./digest.ts";
export { compressionOf, isIndexMediaType, isManifestMediaType, MediaType } from "./mediaTypes.ts";
export type { Compression } from "./mediaTypes.ts";
export { formatPlatform, hostPlatform, parsePlatform, platformRank } from "./platform.ts";
export type { Platform } from "./platform.ts";
export { isAttestation, MAX_MANIFEST_BYTES, parseDescriptor, parseManifest, selectManifest } from "./manifest.ts";
export type { Descriptor, ManifestDocument, OciIndex, OciManifest } from "./manifest.ts";
export { parseDockerArchive } from "./dockerArchive.ts";
export type { DockerArchiveImage } from "./dockerArchive.ts";
export { MAX_CONFIG_BYTES, parseImageConfig } from "./imageConfig.ts";
export type { ContainerDefaults, HealthConfig, HistoryEntry, ImageConfig } from "./imageConfig.ts";
export {
  DEFAULT_DOMAIN,
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
  withDigest,
  withTag,
} from "./reference.ts";
export type { Reference } from "./reference.ts";
