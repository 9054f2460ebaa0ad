import type { Descriptor, HistoryEntry, ImageConfig } from "#oci";

/**
 * varve's own calls for looking into images, below `/varve/v1/`; `docs/openapi.yaml` describes them all. Paths in JSON are
 * text: bytes that are no UTF-8 stand as latin1 (`toDisplayPath` of `#tar`). Paths in a query are percent-encoded bytes.
 */

/** `GET /varve/v1/images/{name}/layers?platform=`: an image before anything of its layers is read. */
export interface ImageLayersReply {
  readonly name: string;
  /** Digest of the config. */
  readonly imageId: string;
  readonly manifestDigest: string;
  readonly config: ImageConfig;
  /** Base64 of the config's own bytes. */
  readonly rawConfig: string;
  /** Base first. */
  readonly layers: readonly ImageLayerReply[];
}

export interface ImageLayerReply {
  readonly index: number;
  readonly diffId: string;
  /** As the manifest names it, where the manifest is here. */
  readonly blob?: Descriptor;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** Sum of the sizes of files and symlink targets, as `docker history` shows it. */
  readonly contentBytes: number;
  /** What the history says of it. */
  readonly history?: HistoryEntry;
  /** The N of `IMAGE@N`: which entry of the history, 1-based, made it. */
  readonly step: number;
}

/**
 * `GET /varve/v1/images/{name}/entries?platform=&layer=` answers with {@link LAYER_INDEX_TYPE}: for each layer this as one
 * line of JSON, then `bytes` bytes: the head of its layer file (4096 bytes) and its EROFS metadata. Nothing is computed for
 * it, and `listEntries` of `#erofs` reads it at half a microsecond a name.
 */
export interface LayerIndexLine {
  readonly layer: number;
  readonly bytes: number;
  /** Directories that no entry of the tar names. Here and below, paths are latin1. */
  readonly implied: readonly string[];
  /** Hard links to files of lower layers. */
  readonly lowerHardlinks: readonly { readonly path: string; readonly target: string }[];
}

export const LAYER_INDEX_TYPE = "application/vnd.varve.layer-index";

/**
 * `GET /varve/v1/overlay/{id}`: the directories that overlayfs makes a root of, of a container or (all read-only) an image.
 * Paths are the daemon's own.
 */
export interface OverlayReply {
  readonly kind: "container" | "image";
  readonly id: string;
  readonly name: string;
  /** `erofs` or `overlay2`. */
  readonly driver: string;
  /** Of a container: `running`, `exited`, … */
  readonly status?: string;
  /** Where the stack is seen whole. */
  readonly merged: string;
  /** Whether it is mounted there now, and with which options. */
  readonly mounted: boolean;
  readonly options?: string;
  /** Where changes go; absent for an image. */
  readonly upper?: string;
  readonly work?: string;
  /** Top first: what is above hides what is below. */
  readonly lower: readonly OverlayLower[];
  /** What `upper` holds; absent for an image. */
  readonly changes?: UpperDirectory;
}

export interface OverlayLower {
  readonly path: string;
  /** `init` holds what a runtime mounts upon; `fixup` mends what a layer alone cannot say. */
  readonly kind: "layer" | "init" | "fixup";
  readonly diffId?: string;
  readonly createdBy?: string;
  /** What is mounted there: `erofs` of a layer's file. */
  readonly filesystem?: string;
  readonly source?: string;
  /** Of a layer: paths of lower layers that it hides, and directories that show nothing of what is below. */
  readonly whiteouts: readonly string[];
  readonly opaque: readonly string[];
}

export interface UpperDirectory {
  /** Everything but directories and whiteouts. */
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly whiteouts: readonly string[];
  readonly opaque: readonly string[];
  /** True when there are more whiteouts or opaque directories than are listed. */
  readonly truncated: boolean;
}
