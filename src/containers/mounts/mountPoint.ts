/** What is mounted. */
export type MountType = "bind" | "volume" | "tmpfs" | "image";

/** Something that a container sees besides its root, as it is stored with it. */
export interface MountPoint {
  readonly type: MountType;
  /** In the container, clean. */
  readonly destination: string;
  /** Host path of a bind, directory of a volume, root of an image; empty for tmpfs. */
  readonly source: string;
  /** Name of a volume, or of an image as it was asked for. */
  readonly name?: string;
  /** Of a volume. */
  readonly driver?: string;
  /** The third part of a bind text, as `inspect` shows it. */
  readonly mode: string;
  readonly writable: boolean;
  /** How mounts spread between host and container; empty for what is no bind. */
  readonly propagation: string;
  /** The user said so: it is not given up where the host cannot. */
  readonly ownPropagation?: true;
  /** A volume without a name goes with its container. */
  readonly anonymous?: true;
  /** A bind whose source is made if it is missing. */
  readonly createSource?: true;
  readonly nonRecursive?: true;
  readonly readOnly?: "flat" | "force";
  /** Relative, within a volume or image. */
  readonly subpath?: string;
  /** A new volume gets what the image has at the destination. */
  readonly copy?: true;
  /** Options of a tmpfs, comma separated. */
  readonly options?: string;
  /** Snapshot key of an image's view. */
  readonly snapshot?: string;
  readonly imageId?: string;
  /** From the image's or the request's `Volumes`, not from a bind or mount of the request. */
  readonly declared?: true;
}
