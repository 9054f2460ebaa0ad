/**
 * `import { openImage } from "varve"`: container images as values, without daemon and without root. The rooms behind it are there as
 * `varve/oci`, `varve/tar`, `varve/erofs`, `varve/layers`, `varve/remote`, `varve/analysis`, `varve/dockerfile` and `varve/transports`.
 */
export { dockerCredentials, openImage, writeImage } from "./openImage.ts";
export { formatImageSource, imageFromDirectory, parseImageSource, tarOfDirectory } from "#transports";
export type {
  BuiltImage,
  BuiltLayer,
  DirectoryTarOptions,
  ImageFromDirectoryOptions,
  ImageSource,
  OpenImageOptions,
  RegistryAccess,
  WrittenImage,
} from "#transports";
export {
  baseImagesOf,
  buildImageTree,
  changeNames,
  compileSearch,
  diffConfig,
  diffFiles,
  diffPackages,
  diffSizes,
  explainPath,
  mergeImage,
  openImageFiles,
  readImageTree,
  readPackages,
  readWhole,
  resolvePath,
  scoreImage,
  searchLayer,
} from "#analysis";
export type {
  BaseImage,
  ChangeName,
  ConfigDifference,
  DiffFilesOptions,
  FileDifference,
  ImageFile,
  ImageFiles,
  ImageLayer,
  ImageScores,
  ImageTree,
  Inefficiency,
  LayerEntry,
  MergedImage,
  NamedLayers,
  OpenImage,
  Package,
  PackageDifference,
  PackageManager,
  PackageSet,
  PathEvent,
  PathHistory,
  ReadPackagesOptions,
  SearchMatcher,
  SearchQuery,
  SizeDifference,
} from "#analysis";
export { formatPlatform, formatReference, parsePlatform, parseReference } from "#oci";
export type {
  ContainerDefaults,
  Descriptor,
  DiffId,
  Digest,
  HistoryEntry,
  ImageConfig,
  Platform,
  Reference,
} from "#oci";
export { fromDisplayPath, toDisplayPath } from "#tar";
export { isEngineError, isInvalidArgument, isNotFound, isUnauthenticated, isUnavailable } from "#errors";
export type { EngineError, ErrorCategory } from "#errors";
export type { RegistryCredentials, RegistryOptions } from "#remote";
