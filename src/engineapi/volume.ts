/** Volumes on the wire (spec definitions Volume, VolumeCreateOptions, VolumeListResponse of docker-engine-api v1.45). */

/** A volume as the API shows it. */
export interface VolumeResource {
  /** RFC 3339, seconds. */
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** The directory that containers see. */
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: "local";
  /** Only in `GET /system/df`; bytes, containers that have it. */
  readonly UsageData?: { readonly RefCount: number; readonly Size: number };
}

/** `GET /volumes`. */
export interface VolumeList {
  readonly Volumes: readonly VolumeResource[];
  readonly Warnings: readonly string[] | null;
}

/** `POST /volumes/prune`. */
export interface VolumesPruneReport {
  readonly VolumesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}
