import type { ChainId, Compression, Descriptor, DiffId, Digest } from "#oci";
import type { BuildStepRecords } from "./buildStepRecord.ts";
import type { LayerRecord } from "./layerRecord.ts";

/** Marks why a name lives; see `docs/image-flow.md`. Times are ms since 1970 throughout. */
export interface ImageRecord {
  /** Whole reference with tag or digest, e.g. `docker.io/library/nginx:latest`; the record's key. */
  readonly reference: string;
  /** Manifest or index that the reference names. */
  readonly target: Descriptor;
  /** Digest of the image config for the platform that is here: the image ID. */
  readonly imageId: Digest;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An image whose content is here, tagged or not (dangling). Key: imageId. */
export interface ImageContentRecord {
  readonly imageId: Digest;
  /** The manifest of the platform that is here (ours when the image was imported, built or loaded without one). */
  readonly manifest: Descriptor;
  readonly chainId: ChainId | undefined;
  readonly diffIds: readonly DiffId[];
  /** When it was last tagged or imported under a name (a pull or load does not count, as in dockerd): `Metadata.LastTagTime`. */
  readonly lastTaggedAt: number | undefined;
  readonly createdAt: number;
}

/** Where a layer's compressed form is: (diffId, compression) → blob. A second push finds the same digest here. */
export interface CompressedLayerRecord {
  readonly diffId: DiffId;
  readonly compression: Compression;
  readonly blob: { readonly digest: Digest; readonly size: number };
}

/** A registry repository that is known to hold a blob: source for cross-repository mounts, and for a dropped blob. */
export interface BlobSourceRecord {
  readonly digest: Digest;
  /** `registry.example:5000` */
  readonly domain: string;
  /** `library/nginx` */
  readonly path: string;
}

/** A committed, active or viewed snapshot; see `#snapshots`. */
export interface SnapshotRecord {
  readonly name: string;
  readonly kind: "committed" | "active" | "view";
  readonly parent: ChainId | undefined;
  /** Directory under `overlay2/`. */
  readonly id: string;
  readonly diffId: DiffId | undefined;
  readonly createdAt: number;
}

/** What a lease keeps alive. `ingest` keeps an unfinished download. */
export type LeaseResource =
  | { readonly kind: "blob"; readonly name: Digest }
  | { readonly kind: "layer"; readonly name: DiffId }
  | { readonly kind: "snapshot"; readonly name: string }
  | { readonly kind: "ingest"; readonly name: string };

/** Keeps what an operation in flight needs from GC. Ends by `delete`, at `expiresAt`, or with the daemon's boot if `ephemeral`. */
export interface LeaseRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly purpose: string;
}

/** A container; `document` is the JSON that `containers` owns, opaque here. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  /** Empty: it was made of nothing. */
  readonly imageId: Digest | "";
  readonly document: string;
}

/** One engine event, for `GET /events?since=`. `document` is the API's JSON. */
export interface EventRecord {
  readonly timeNanoseconds: bigint;
  readonly document: string;
}

/** Images by reference and by content. */
export interface ImageRecords {
  get(reference: string): ImageRecord | undefined;
  list(): readonly ImageRecord[];
  listByImageId(imageId: Digest): readonly ImageRecord[];
  put(record: ImageRecord): void;
  /** false when there was none. */
  remove(reference: string): boolean;
  getContent(imageId: Digest): ImageContentRecord | undefined;
  listContent(): readonly ImageContentRecord[];
  /** Image IDs whose hex starts with the prefix, at most 2 (enough to tell ambiguous). */
  findByIdPrefix(hexPrefix: string): readonly Digest[];
  putContent(record: ImageContentRecord): void;
  removeContent(imageId: Digest): boolean;
}

/** Layers in the layer store and what is known of their compressed forms. */
export interface LayerRecords {
  get(diffId: DiffId): LayerRecord | undefined;
  list(): readonly LayerRecord[];
  put(record: LayerRecord): void;
  remove(diffId: DiffId): boolean;
  getCompressed(diffId: DiffId): readonly CompressedLayerRecord[];
  findByBlob(digest: Digest): CompressedLayerRecord | undefined;
  putCompressed(record: CompressedLayerRecord): void;
  removeCompressed(digest: Digest): void;
  sources(digest: Digest): readonly BlobSourceRecord[];
  /** sha256 of each regular file of a layer, in the order of its names, 32 bytes each; undefined until somebody hashed them. */
  getContents(diffId: DiffId): Uint8Array | undefined;
  /** Idempotent; gone with the layer. Does nothing for a layer that is not here. */
  putContents(diffId: DiffId, digests: Uint8Array): void;
  /** Idempotent. */
  putSource(record: BlobSourceRecord): void;
  removeSources(digest: Digest): void;
}

export interface SnapshotRecords {
  get(name: string): SnapshotRecord | undefined;
  list(): readonly SnapshotRecord[];
  children(name: ChainId): readonly SnapshotRecord[];
  put(record: SnapshotRecord): void;
  remove(name: string): boolean;
}

/**
 * Leases. The rule that keeps GC safe (see `#gc`): a resource is added *before* it becomes visible; whoever finds one
 * that is already there adds it first and looks again whether it is still there; the lease ends only after a record
 * names what it kept.
 */
export interface LeaseRecords {
  /** `expiresAt` ms since 1970; default never. `ephemeral` (default false): gone at the next `openMetadata`. */
  create(options: { readonly purpose: string; readonly expiresAt?: number; readonly ephemeral?: boolean }): LeaseRecord;
  /** Idempotent. @throws {not_found} LEASE_NOT_FOUND when the lease was deleted or has expired. */
  add(leaseId: string, resource: LeaseResource): void;
  /** What any living lease keeps, each once. */
  resources(): readonly LeaseResource[];
  /** Living leases, oldest first. */
  list(): readonly LeaseRecord[];
  /** Idempotent. */
  delete(leaseId: string): void;
  /** Calls `watcher` within every `add` from now on, until disposed: how a GC run learns what was leased since its mark. */
  watch(watcher: (resource: LeaseResource) => void): Disposable;
}

export interface ContainerRecords {
  get(id: string): ContainerRecord | undefined;
  list(): readonly ContainerRecord[];
  /** @throws {conflict} CONTAINER_NAME_IN_USE when another container has the name. */
  put(record: ContainerRecord): void;
  remove(id: string): boolean;
}

/** A thing whose JSON its room owns, opaque here. */
export interface DocumentRecord {
  readonly id: string;
  readonly document: string;
}

/** Records of one kind that are always read whole, once, when their room opens. */
export interface DocumentRecords {
  list(): readonly DocumentRecord[];
  /** Inserts or replaces. */
  put(record: DocumentRecord): void;
  remove(id: string): boolean;
}

export interface EventRecords {
  /** Written soon, in one go with others: what was told within 25 ms of a crash is not recorded. */
  append(event: EventRecord): void;
  /** Ascending; keeps the newest 10,000. */
  since(timeNanoseconds: bigint): readonly EventRecord[];
}

/** Small facts of the data root: dirty flag, boot id, chosen driver, daemon id. */
export interface SettingRecords {
  get(key: string): string | undefined;
  put(key: string, value: string): void;
}

/**
 * The one SQLite file (`varve.db`, WAL). All methods are synchronous and take well under a millisecond; `transaction`
 * makes several one. Only the daemon opens it.
 */
export interface Metadata extends Disposable {
  readonly images: ImageRecords;
  readonly layers: LayerRecords;
  readonly snapshots: SnapshotRecords;
  readonly leases: LeaseRecords;
  readonly containers: ContainerRecords;
  readonly buildSteps: BuildStepRecords;
  /** By network id; `networks` owns the documents. */
  readonly networks: DocumentRecords;
  /** What containers hold of networks, by container id; `networks` owns the documents. */
  readonly sandboxes: DocumentRecords;
  /** By volume name; `volumes` owns the documents. */
  readonly volumes: DocumentRecords;
  readonly events: EventRecords;
  readonly settings: SettingRecords;
  /**
   * Runs `work`, which must be synchronous, in one transaction; a throw rolls back. A nested call joins the outer one:
   * it lands only if the outer does, and its throw, if caught by the outer work, undoes the nested part alone.
   */
  transaction<T>(work: () => T): T;
  /** Empties the WAL into the file. It fsyncs on this thread: call it when the disk is quiet, e.g. after a syncfs. */
  checkpoint(): void;
}
