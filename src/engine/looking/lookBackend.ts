import type { CompareOptions, SearchQuery, SharedLayer } from "#analysis";
import type { ImageLayersReply, OverlayReply } from "#engineapi";
import type { Platform } from "#oci";

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

/** Images of the store, looked into. `name` is a reference, an ID or a unique prefix of one. @throws {not_found} */
export interface LookBackend {
  layers(name: string, options: LookOptions): Promise<ImageLayersReply>;
  /** A path, or what is in it when it is a directory: `FileLine`s of `#analysis`, one a line. */
  files(name: string, options: PlaceOptions & { readonly recursive: boolean }): Promise<AsyncIterable<Uint8Array>>;
  /** A regular file. */
  file(
    name: string,
    options: PlaceOptions,
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> }>;
  /** A file or a directory as a tar, as `docker cp` has it from a container. */
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
  /** All layers, base first, or one; the format is told at `LayerIndexLine` of `#engineapi`. */
  entries(name: string, options: LookOptions & { readonly layer?: number }): Promise<AsyncIterable<Uint8Array>>;
  /** A regular file of one layer. `path` is latin1. */
  layerFile(
    name: string,
    options: LookOptions & { readonly layer: number; readonly path: string },
  ): Promise<{ readonly size: number; readonly body: AsyncIterable<Uint8Array> }>;
}
