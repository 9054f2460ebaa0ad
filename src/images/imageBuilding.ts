import type { ProgressSink } from "#engineapi";
import type { ActLease } from "#metadata";
import type { Compression, Descriptor, DiffId, Digest, ImageConfig, Platform, Reference } from "#oci";
import type { RegistryCredentials, RepositoryReader } from "#remote";

/** What a build needs of images: bases that are known before a layer is here, and results that become images. */
export interface ImageBuilding {
  /**
   * The image that a name points at here, of several platforms the one that fits best, which need not fit; undefined when
   * there is none, or its config is gone.
   */
  findBase(reference: Reference, platform: Platform): Promise<LocalBase | undefined>;
  /**
   * Manifest and config of one platform, without layers; both are put under the lease and into the content store.
   * @throws {not_found} NO_MATCHING_PLATFORM, and as `RepositoryReader.resolve`
   */
  resolveBase(reference: Reference, options: BaseRequest): Promise<RemoteBase>;
  /** As {@link resolveBase} from what is in the content store; undefined when something of it is missing. */
  storedBase(manifest: Digest): Promise<RemoteBase | undefined>;
  /** Brings the layers that are not here; shared with pulls that want the same. Lines are those of a pull. */
  fetchBase(
    base: Pick<RemoteBase, "layers">,
    options: BaseRequest & { readonly progress: ProgressSink },
  ): Promise<void>;
  /** A layer as a blob: one that is here, or made now and remembered. It is put under the lease. */
  readonly layerBlob: (diffId: DiffId, wanted: WantedBlob) => Promise<LayerBlob>;
  /** Starts to push what was built to a registry, before it is known what that is. The caller disposes it. */
  openPush(reference: Reference, options: BuiltPushOptions): BuiltPush;
  /** Records an image whose layers are here. Without names it is dangling. Returns the image ID. */
  recordBuilt(image: BuiltImage, lease: ActLease): Promise<Digest>;
}

export interface BaseRequest {
  readonly repository: RepositoryReader;
  readonly platform: Platform;
  readonly lease: ActLease;
  readonly signal: AbortSignal | undefined;
  /** The registry repository, when it is one: remembered as a source of the blobs. */
  readonly origin: Reference | undefined;
}

export interface LocalBase {
  readonly imageId: Digest;
  readonly config: ImageConfig;
  /** base first */
  readonly diffIds: readonly DiffId[];
}

export interface RemoteBase {
  /** What the reference named: manifest or index. */
  readonly target: Descriptor;
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  /** Its digest is the image ID. */
  readonly configDescriptor: Descriptor;
  /** base first */
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: DiffId }[];
}

export interface WantedBlob {
  readonly compression: Compression;
  /** undefined: the layer room's own choice. */
  readonly level: number | undefined;
  /** Another compression that is here will not do. */
  readonly force: boolean;
  readonly lease: ActLease;
  readonly signal: AbortSignal;
}

export interface LayerBlob {
  readonly compression: Compression;
  /** Of a plain tar its diffID. */
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
}

export interface BuiltPushOptions {
  readonly credentials: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
}

/** A push to one name. Disposing ends what is still being sent. */
export interface BuiltPush extends AsyncDisposable {
  /** As `ImageBuilding.layerBlob`; a layer that must be compressed is on its way to the registry meanwhile. */
  readonly layerBlob: ImageBuilding["layerBlob"];
  /** Blobs that are not there, then documents (children first, the root under the name's tag). */
  send(result: BuiltResult): Promise<void>;
}

export interface BuiltResult {
  /** Layers and configs: in the content store, or plain layers. */
  readonly blobs: readonly Descriptor[];
  /** Manifests; the last is the root. All are in the content store. */
  readonly documents: readonly { readonly raw: Uint8Array; readonly descriptor: Descriptor }[];
  /** The root gets no tag. */
  readonly isByDigest: boolean;
  /** Called when all blobs are there. */
  readonly onBlobs: () => void;
}

export interface BuiltImage {
  /** The config's bytes. */
  readonly config: Uint8Array;
  /** base first */
  readonly diffIds: readonly DiffId[];
  /** With tags; a reference with a digest becomes a RepoDigest. */
  readonly names: readonly Reference[];
  /** A manifest that was made with the image; undefined: one over plain tars, as `save` writes it. */
  readonly manifest: Descriptor | undefined;
  /** What the names point at when it is not the manifest: the index above it. */
  readonly target: Descriptor | undefined;
}
