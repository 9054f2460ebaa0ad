import type {
  Filters,
  HistoryItem,
  ImageDeleteItem,
  ImageDiskUsage,
  ImageInspect,
  ImagesPruneReport,
  ImageSummary,
  ProgressSink,
} from "#engineapi";
import type { ContainerDefaults, ImageConfig, DiffId, ChainId, Digest, Platform, Reference } from "#oci";
import type { RegistryCredentials } from "#remote";

/** What moves images in and out. Every method honours `signal`, reports progress as Docker prints it, holds a lease meanwhile. */
export interface ImageTransfer {
  /** `reference` without tag pulls `latest`, unless allTags. */
  pull(reference: Reference, options: TransferOptions & { readonly allTags?: boolean }): Promise<void>;
  push(reference: Reference, options: TransferOptions & { readonly allTags?: boolean }): Promise<void>;
  /** docker-archive or OCI layout (or both), plain or gzip/xz/zstd/bzip2; nothing is recorded unless all of it is whole. */
  load(archive: AsyncIterable<Uint8Array>, options: TransferOptions & { readonly quiet?: boolean }): Promise<void>;
  /** One tar with both layouts; byte-stable for the same images. Bodies are at most 1 MiB chunks. @throws {not_found} before the first byte. */
  save(
    names: readonly string[],
    options?: { readonly platform?: Platform; readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Root filesystem tar → one-layer image; progress ends with the image ID as a status line. */
  importRootfs(rootfs: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Digest>;
}

export interface TransferOptions {
  readonly progress: ProgressSink;
  readonly credentials?: RegistryCredentials;
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

export interface ImportOptions extends TransferOptions {
  readonly reference?: Reference;
  readonly message?: string;
  /** Dockerfile instructions (`CMD …`, `ENV …`), one each. */
  readonly changes: readonly string[];
  /** Shown in history: `Imported from -`. */
  readonly source: string;
}

/** What makes images of containers. */
export interface ImageCommits {
  /**
   * The defaults that an image of a container gets: `own` (else the container's) changed by Dockerfile instructions, over
   * the container's. @throws {invalid_argument} in dockerd's words
   */
  configFor(
    container: ContainerDefaults,
    own: ContainerDefaults | undefined,
    changes: readonly string[],
  ): ContainerDefaults;
  /** Image of the container's image and one more layer; none when it changed nothing. Returns the image ID. */
  commit(container: CommittedContainer): Promise<Digest>;
}

/** A container on its way to become an image. */
export interface CommittedContainer {
  /** The container's image. */
  /** Empty: the container was made of nothing. */
  readonly parent: Digest | "";
  readonly containerId: string;
  /** The container's own config, recorded as it is. */
  readonly containerConfig: object;
  readonly config: ContainerDefaults;
  /** Its command as one line, for the history. */
  readonly command: string;
  readonly author: string;
  readonly comment: string;
  readonly reference: Reference | undefined;
  /** What it changed, as a layer's tar. */
  readonly changes: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal | undefined;
}

/** What looks at and changes records. `name` is a reference, an ID, or a unique ID prefix, with or without `sha256:`. */
export interface ImageCatalog {
  /**
   * @throws {not_found} `No such image: …`, `ambiguous reference: …` or, when `platform` is not the image's, `… does not match
   * the specified platform …` (all 404, as Docker), {invalid_argument} bad name.
   */
  lookup(name: string, platform?: Platform): Promise<FoundImage>;
  /** Whether a name stands for an image, as its own or as that of another platform. @throws {not_found} as {@link lookup} */
  isNamed(name: string, imageId: Digest | ""): Promise<boolean>;
  list(options: {
    readonly all?: boolean;
    readonly filters: Filters;
    readonly sharedSize?: boolean;
    readonly manifests?: boolean;
  }): Promise<readonly ImageSummary[]>;
  /** Of an image of several platforms the wanted one, if it is here. @throws {not_found} */
  inspect(
    name: string,
    options?: { readonly manifests?: boolean; readonly platform?: Platform },
  ): Promise<ImageInspect>;
  /** As {@link inspect} chooses the platform. */
  history(name: string, platform?: Platform): Promise<readonly HistoryItem[]>;
  tag(name: string, target: Reference): Promise<void>;
  remove(
    name: string,
    options: { readonly force: boolean; readonly noPrune: boolean; readonly platforms?: readonly Platform[] },
  ): Promise<readonly ImageDeleteItem[]>;
  prune(filters: Filters): Promise<ImagesPruneReport>;
  diskUsage(): Promise<ImageDiskUsage>;
  /** How many images there are, dangling ones included, for `info`. */
  count(): number;
}

/** An image that was found, with what running it needs. */
export interface FoundImage {
  readonly imageId: Digest;
  readonly config: ImageConfig;
  /** The config's bytes. */
  readonly rawConfig: Uint8Array;
  readonly diffIds: readonly DiffId[];
  readonly chainId: ChainId | undefined;
}

/** Containers tell images which of them are in use; images never import containers. */
export interface ImageUsers {
  /** Containers that use the image, newest first. */
  usersOf(imageId: Digest): readonly { readonly id: string; readonly running: boolean }[];
}
