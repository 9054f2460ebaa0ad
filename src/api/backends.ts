import type { Socket } from "node:net";
import type { CompareOptions, SearchQuery, SharedLayer } from "#analysis";
import type { BuildService, DebugImages } from "#build";
import type { Platform } from "#oci";
import type {
  EventMessage,
  Filters,
  ImageDiskUsage,
  ImageLayersReply,
  LocalDirectory,
  OverlayReply,
  VersionInfo,
  VolumeResource,
} from "#engineapi";
import type {
  ContainerControl,
  ContainerFiles,
  ContainerNetworks,
  ContainerService,
  ExecService,
  UsageService,
} from "#containers";
import type { NetworkCatalog } from "#networks";
import type { ImageCatalog, ImageReshaping, ImageTransfer } from "#images";
import type { Descriptor, Digest } from "#oci";
import type { RegistryCredentials } from "#remote";
import type { VolumeCatalog } from "#volumes";

/** What routes need of images. */
export type ImageBackend = ImageTransfer & ImageCatalog & ImageReshaping;

/** What routes need of containers. */
export type ContainerBackend = ContainerService;

/** What routes need of containers' use of the host. */
export type UsageBackend = UsageService;

/** What routes need of further processes in containers. */
export type ExecBackend = ExecService;
/** What routes need of containers' files; the engine closes it. */
export type FileBackend = Omit<ContainerFiles, "close">;

/** What routes do to containers. */
export type ControlBackend = ContainerControl;

/** What routes need of the daemon itself. */
export interface SystemBackend {
  info(): Promise<Readonly<Record<string, unknown>>>;
  version(): VersionInfo;
  /**
   * Where a directory of the client at the other end of a connection lies for the daemon; undefined unless it may be read
   * in place: the client is the daemon's own user or root, on the machine of this boot id, and sees the same directory.
   */
  sharedDirectory(socket: Socket, machine: string, directory: LocalDirectory): Promise<string | undefined>;
  diskUsage(): Promise<{
    readonly images: ImageDiskUsage;
    readonly containers: readonly Readonly<Record<string, unknown>>[];
    readonly volumes: readonly VolumeResource[];
  }>;
  /** Recorded events from `since` on, then live ones until `until` (both ms since 1970) or the signal. */
  events(options: EventQuery): AsyncIterable<EventMessage>;
}

/** `GET /events` as values; times in nanoseconds since 1970. */
export interface EventQuery {
  readonly since?: bigint;
  readonly until?: bigint;
  readonly filters: Filters;
  readonly signal: AbortSignal;
}

/** What routes need of registries beyond pull and push. */
export interface RegistryBackend {
  /** Resolves with Docker's answer to `POST /auth`. */
  login(serverAddress: string, credentials: RegistryCredentials): Promise<{ readonly identityToken: string }>;
  /** `GET /distribution/{name}/json`. */
  distribution(name: string, credentials: RegistryCredentials | undefined): Promise<Readonly<Record<string, unknown>>>;
}

/** Who asks a registry, and how it may be spoken to. */
export interface RegistryAsker {
  readonly credentials?: RegistryCredentials;
  readonly insecure: boolean;
  readonly signal?: AbortSignal;
}

/** Registries document by document: what clients that put images together themselves need. */
export interface RegistryAccess {
  document(
    name: string,
    asker: RegistryAsker,
  ): Promise<{ readonly mediaType: string; readonly digest: Digest; readonly raw: Uint8Array }>;
  blob(name: string, blob: Descriptor, asker: RegistryAsker): Promise<Uint8Array>;
  putDocument(
    name: string,
    document: { readonly raw: Uint8Array; readonly mediaType: string },
    asker: RegistryAsker,
  ): Promise<Digest>;
  copyBlob(copy: {
    readonly from: string;
    readonly to: string;
    readonly blob: Descriptor;
    readonly fromAsker: RegistryAsker;
    readonly toAsker: RegistryAsker;
  }): Promise<"present" | "mounted" | "copied">;
}

/** Which image is meant, and when nobody waits any more. */
export interface LookOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

/** Where in an image: after which step of its history (all for undefined), and at which path (latin1). */
export interface PlaceOptions extends LookOptions {
  readonly step?: number;
  readonly path: string;
}

/** One of two images that are compared. */
export interface ImageSide {
  readonly name: string;
  readonly platform?: Platform;
  readonly step?: number;
}

/** What routes need to look into images. */
export interface LookBackend {
  layers(name: string, options: LookOptions): Promise<ImageLayersReply>;
  /** A path, or what is in it when it is a directory: JSON lines. */
  files(name: string, options: PlaceOptions & { readonly recursive: boolean }): Promise<AsyncIterable<Uint8Array>>;
  file(
    name: string,
    options: PlaceOptions,
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> }>;
  /** A tar, as `docker cp` has it from a container. */
  archive(name: string, options: PlaceOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Why a path is as it is: `WhyReply` of `#analysis` as JSON. @throws {not_found} when no layer names it */
  why(name: string, options: PlaceOptions): Promise<AsyncIterable<Uint8Array>>;
  /** How two images differ: `DiffReply` of `#analysis` as JSON. */
  diff(before: ImageSide, after: ImageSide, options: CompareOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Dive's scores as JSON. */
  efficiency(name: string, options: LookOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Files in all images, or in some: `SearchHit`s of `#analysis`, one a line. */
  search(query: SearchQuery, images: readonly string[], options: LookOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Which images share which layers. */
  tree(): Promise<readonly SharedLayer[]>;
  /** The directories of a container's or an image's root. */
  overlay(name: string, options: LookOptions): Promise<OverlayReply>;
  /** Lines and bytes as told at `LayerIndexLine`; of all layers, or of one. */
  entries(name: string, options: LookOptions & { readonly layer?: number }): Promise<AsyncIterable<Uint8Array>>;
  /** A regular file of one layer; `path` is latin1. */
  layerFile(
    name: string,
    options: LookOptions & { readonly layer: number; readonly path: string },
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> }>;
}

/** Everything behind the API. */
export interface Backends {
  readonly images: ImageBackend;
  readonly containers: ContainerBackend;
  readonly files: FileBackend;
  readonly control: ControlBackend;
  readonly networks: NetworkCatalog;
  /** Containers as members of networks. */
  readonly members: ContainerNetworks;
  readonly volumes: VolumeCatalog;
  readonly execs: ExecBackend;
  readonly usage: UsageBackend;
  readonly system: SystemBackend;
  readonly registry: RegistryBackend & RegistryAccess;
  readonly build: BuildService;
  readonly debugImages: DebugImages;
  readonly look: LookBackend;
}
