import type { ChainId, DiffId } from "#oci";

/**
 * Stacks of layers and writable tops, as mounts. Lifecycle, in containerd's words:
 *
 * - A **committed** snapshot is named by its chainID. `commitLayer(diffId, parent)` makes one out of a layer that is in
 *   the layer store: nothing is copied (driver `erofs`) or the tar is unpacked into `overlay2/<id>/diff` (driver
 *   `overlay2`). Committing what exists succeeds.
 * - An **active** snapshot is a writable top, named by a key (a container id), made by `prepare(key, parent)`. `mount(key)`
 *   gives its rootfs; it is removed with `remove(key)`. It never becomes anything else here: a container's commit makes a
 *   layer out of its upper directory through `layers`.
 * - A **view** is a read-only stack, made by `view(key, parent)`.
 *
 * Layers are mounted once for all (`overlay2/<id>/diff`), counted, and stay mounted until the last user is gone and
 * `release` or the daemon's stop. Every method is safe to call again after a crash at any point of an earlier call.
 */
export interface Snapshotter {
  readonly driver: DriverInfo;
  commitLayer(
    diffId: DiffId,
    parent: ChainId | undefined,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ChainId>;
  /** `init`: what lies in a layer of its own between the stack and the top (`<id>-init`); part of a top for its life. */
  prepare(key: string, parent: ChainId | undefined, init?: readonly InitEntry[]): Promise<void>;
  view(key: string, parent: ChainId | undefined): Promise<void>;
  /** Mounts the snapshot's rootfs (idempotent) and returns it. @throws {not_found} */
  mount(key: string, options?: MountOptions): Promise<MountedRootfs>;
  /**
   * Mounts a top for a time, beside whoever else has it mounted, and tells its directories; `unmount` waits until the last
   * borrower has given back, `remove` does not. @throws {not_found}
   */
  borrow(key: string): Promise<BorrowedTop>;
  /** Unmounts the rootfs of a key; its upper directory stays. Idempotent. */
  unmount(key: string): Promise<void>;
  /** Removes an active snapshot or view, or a committed one that has no children. Idempotent. @throws {failed_precondition} when it has children or is mounted by a user. */
  remove(name: ChainId | string): Promise<void>;
  stat(name: ChainId | string): Promise<SnapshotInfo | undefined>;
  list(): readonly SnapshotInfo[];
  /** What `inspect` shows under GraphDriver; the directories exist and can be listed when this resolves. */
  graphDriverData(name: ChainId | string): Promise<GraphDriverData>;
  /** Bytes and inodes that this snapshot adds: a writable top's upper directory, or a layer's share. */
  usage(name: ChainId | string): Promise<SnapshotUsage>;
  /** Daemon stop: unmounts layers and views; a top that is mounted stays so, for its container goes on. */
  close(): Promise<void>;
}

/** Stacks mounted for a time, without record, at a place that the caller has; a lease of his keeps the chain. */
export interface StackMounts {
  /** The caller unmounts `target`, and removes all. @throws {not_found} when a part of the chain is not there */
  mountStack(top: ChainId | undefined, place: StackPlace): Promise<void>;
}

/** Three empty directories on the filesystem of the snapshots. */
export interface StackPlace {
  /** Where what is written lands; the root's attributes are set on it. */
  readonly upper: string;
  readonly work: string;
  readonly target: string;
  /** Writing is never flushed. */
  readonly access: "volatile" | "readOnly";
  /** A directory that shows where the stack has nothing; left out when the stack takes all the room there is. */
  readonly ground?: string;
}

export interface DriverInfo {
  /** What `docker info` calls Storage Driver: `erofs` or `overlay2`. */
  readonly name: "erofs" | "overlay2";
  /** `file` or `loop` for erofs, `unpacked` for overlay2. */
  readonly backend: "file" | "loop" | "unpacked";
  /** Rows of `docker info` below Storage Driver, e.g. ["Backing Filesystem", "extfs"]. */
  readonly status: readonly (readonly [string, string])[];
}

export interface SnapshotInfo {
  /** chainID for a committed snapshot, the key otherwise. */
  readonly name: string;
  readonly kind: "committed" | "active" | "view";
  readonly parent: ChainId | undefined;
  /** Directory name under `overlay2/`. */
  readonly id: string;
  readonly diffId: DiffId | undefined;
  /** ms since 1970 */
  readonly createdAt: number;
}

export interface MountOptions {
  /**
   * What is written is never flushed, neither by the container's fsync nor by the unmount, which otherwise waits for
   * everything dirty on the disk. Only for a top that is mounted once and then removed. Ignored before Linux 5.10.
   */
  readonly volatile?: boolean;
}

export interface MountedRootfs {
  /** Absolute path of the merged root. */
  readonly path: string;
}

/** Something that a container's runtime needs to find in its root. Paths and targets are absolute. */
export type InitEntry =
  | { readonly path: string; readonly kind: "directory" | "file" }
  | { readonly path: string; readonly kind: "symlink"; readonly target: string };

/** A top with the directories that it is made of; dispose gives it back. */
export interface BorrowedTop extends AsyncDisposable {
  /** The merged root, mounted. */
  readonly path: string;
  /** What the container changed. */
  readonly upper: string;
  /** What it stands on, top first; all readable. */
  readonly lowers: readonly string[];
}

/** Keys exactly as Docker's overlay2 driver spells them; LowerDir top first, colon separated, absent for a base layer. */
export interface GraphDriverData {
  readonly LowerDir?: string;
  readonly MergedDir: string;
  readonly UpperDir: string;
  readonly WorkDir: string;
}

export interface SnapshotUsage {
  readonly bytes: number;
  readonly inodes: number;
}
