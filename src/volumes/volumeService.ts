import type { Filters, VolumeList, VolumeResource, VolumesPruneReport } from "#engineapi";

/** What a new volume shall be. */
export interface VolumeRequest {
  /** Absent or empty: an anonymous volume, its name 64 random hex digits. */
  readonly name?: string;
  /** Absent or empty: `local`, the only one there is. */
  readonly driver?: string;
  /** `type`, `o`, `device`: what is mounted at the volume while it is used; `size` needs quotas, which there are not. */
  readonly options?: Readonly<Record<string, string>> | null;
  readonly labels?: Readonly<Record<string, string>> | null;
}

/**
 * Volumes as the API shows them. Every method with a name throws {not_found} VOLUME_NOT_FOUND `get NAME: no such volume`.
 */
export interface VolumeCatalog {
  /** A volume of that name that is there is answered as it is. @throws {invalid_argument} {not_found} in Docker's words */
  create(request: VolumeRequest): Promise<VolumeResource>;
  inspect(name: string): VolumeResource;
  /** Filters dangling, driver, label, name. @throws {invalid_argument} INVALID_FILTER */
  list(filters: Filters): VolumeList;
  /** `force`: an unknown name is no failure. @throws {conflict} VOLUME_IN_USE `remove NAME: volume is in use - [ID]` */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  /** Removes what no container holds and has no options; without `all` only anonymous ones. Filters label, label!, all. */
  prune(filters: Filters, options: { readonly all: boolean }): Promise<VolumesPruneReport>;
  /** Volumes without options, with UsageData, measured now. */
  diskUsage(): Promise<readonly VolumeResource[]>;
}

/** A volume that a container holds. */
export interface HeldVolume {
  readonly name: string;
  readonly driver: string;
  /** Its directory, absolute. */
  readonly mountpoint: string;
}

/** What containers do with volumes. */
export interface ContainerVolumes {
  /**
   * Makes a volume if there is none of that name, and holds it for the container. Until {@link settle} a volume that was made
   * here goes with a crash or with {@link discard}.
   */
  acquire(containerId: string, request: VolumeRequest): Promise<HeldVolume>;
  /** The container is recorded: what was made for it stays. */
  settle(containerId: string): void;
  /** The container came to nothing: gives its volumes free and removes what was made for it. */
  discard(containerId: string): Promise<void>;
  /** Gives everything free that a container holds, then removes those of `remove` that nobody else holds. */
  release(containerId: string, remove: readonly string[]): Promise<void>;
  /** Mounts what the volume's options say for its first user; resolves with the directory. @throws in Docker's words */
  use(containerId: string, name: string): Promise<string>;
  /**
   * Gives an empty volume its first content: `write` gets its directory, alone. Resolves with false, and writes nothing, when it
   * is not empty. When `write` fails or the daemon dies meanwhile the volume is empty again, unless another container runs
   * with it. The volume is used until {@link endUse}.
   */
  fill(containerId: string, name: string, write: (directory: string) => Promise<void>): Promise<boolean>;
  /** Ends the use of all volumes by a container. Idempotent, never throws: what fails is logged. */
  endUse(containerId: string): Promise<void>;
  /**
   * At the daemon's start, before anything else: who holds which volumes (by name), and of these containers, who runs. Sweeps
   * what a crash left.
   */
  reconcile(holders: ReadonlyMap<string, readonly string[]>, running: ReadonlySet<string>): Promise<void>;
}

/** Both roles over the same volumes. */
export interface VolumeServices {
  readonly catalog: VolumeCatalog;
  readonly containers: ContainerVolumes;
}
