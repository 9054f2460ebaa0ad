/**
 * Wire types of the image endpoints; names and case are the API's own.
 * @see shared/spec docker-engine-api v1.56, definitions ImageSummary, ImageInspect, HistoryResponseItem, ImageDeleteResponseItem
 */

/** One row of `GET /images/json`. `Created` in seconds, sizes in bytes, -1 = not computed. */
export interface ImageSummary {
  readonly Id: string;
  readonly ParentId: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Created: number;
  readonly Size: number;
  /** Dropped from API 1.44 on; equal to Size before. */
  readonly VirtualSize?: number;
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Containers: number;
  /** API ≥ 1.47 with `manifests=true`. */
  readonly Manifests?: readonly ImageManifestSummary[];
  /** API ≥ 1.48. */
  readonly Descriptor?: WireDescriptor;
}

export interface WireDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Spec definition ImageManifestSummary; what `docker images --tree` reads. */
export interface ImageManifestSummary {
  readonly ID: string;
  readonly Descriptor: WireDescriptor;
  readonly Available: boolean;
  readonly Size: { readonly Content: number; readonly Total: number };
  readonly Kind: "image" | "attestation" | "unknown";
  readonly ImageData?: {
    readonly Platform: Readonly<Record<string, unknown>>;
    readonly Containers: readonly string[];
    readonly Size: { readonly Unpacked: number };
  };
  readonly AttestationData?: { readonly For: string };
}

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  readonly Created?: string;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: Readonly<Record<string, unknown>> | null;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly OsVersion?: string;
  readonly Size: number;
  readonly VirtualSize?: number;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime?: string };
  readonly Descriptor?: WireDescriptor;
  readonly Manifests?: readonly ImageManifestSummary[];
}

/** `GET /images/{name}/history`, newest first. */
export interface HistoryItem {
  readonly Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

/** `DELETE /images/{name}`; exactly one key. */
export interface ImageDeleteItem {
  readonly Untagged?: string;
  readonly Deleted?: string;
}

/** `POST /images/prune`. */
export interface ImagesPruneReport {
  readonly ImagesDeleted: readonly ImageDeleteItem[] | null;
  readonly SpaceReclaimed: number;
}

/** The image part of `GET /system/df`. */
export interface ImageDiskUsage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[];
}
