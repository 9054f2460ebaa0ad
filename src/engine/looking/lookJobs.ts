/** What the thread that looks into images is told, and what it tells. */
import type { EncodedError } from "#errors";
import type { CompareOptions, ImageLayer, NamedLayers, SearchedImage, SearchQuery } from "#analysis";
import type { LayerFileOfStack } from "#layers";
import type { Digest } from "#oci";

/** An image of the store as another thread can open it. */
export interface ImageParts {
  readonly name: string;
  readonly imageId: Digest;
  readonly manifestDigest: Digest;
  readonly rawConfig: Uint8Array;
  /** Base first, and the file of each. */
  readonly layers: readonly ImageLayer[];
  readonly files: readonly LayerFileOfStack[];
}

/** Where in an image: after which step (all for undefined), and at which path (latin1). */
export interface PlaceInImage {
  readonly image: ImageParts;
  readonly step: number | undefined;
  readonly path: string;
}

/** Lists a path: lines of JSON. */
export interface FilesJob extends PlaceInImage {
  readonly kind: "files";
  readonly recursive: boolean;
}

/** The bytes of a regular file; the head is its size. */
export interface FileJob extends PlaceInImage {
  readonly kind: "file";
}

/** A path as a tar. */
export interface ArchiveJob extends PlaceInImage {
  readonly kind: "archive";
}

/** Why a path is as it is: one JSON value, `WhyReply`. */
export interface WhyJob extends PlaceInImage {
  readonly kind: "why";
  /** Images that may be its base. */
  readonly known: readonly NamedLayers[];
}

/** How two images differ: one JSON value, `DiffReply`. */
export interface DiffJob {
  readonly kind: "diff";
  readonly before: Omit<PlaceInImage, "path">;
  readonly after: Omit<PlaceInImage, "path">;
  readonly options: Omit<CompareOptions, "signal">;
}

/** Scores of an image: one JSON value. */
export interface ScoresJob {
  readonly kind: "scores";
  readonly image: ImageParts;
}

/** Looks for files in layers: `SearchHit`s as lines of JSON. */
export interface SearchJob {
  readonly kind: "search";
  readonly query: SearchQuery;
  readonly layers: readonly (LayerFileOfStack & { readonly digests: Uint8Array | undefined })[];
  readonly images: readonly SearchedImage[];
}

/** sha256 of each regular file of a layer, in the order of its entries. */
export interface HashJob {
  readonly kind: "hash";
  readonly file: LayerFileOfStack;
}

/** Whiteouts and opaque directories of layers: a list of both for each, as one JSON value. */
export interface HidingsJob {
  readonly kind: "hidings";
  readonly files: readonly LayerFileOfStack[];
}

/** What an upper directory holds, `UpperDirectory` as one JSON value. */
export interface UpperJob {
  readonly kind: "upper";
  readonly path: string;
}

export type LookJob =
  | FilesJob
  | FileJob
  | ArchiveJob
  | WhyJob
  | DiffJob
  | ScoresJob
  | SearchJob
  | HashJob
  | HidingsJob
  | UpperJob;

/** What a job gives: something small that is known before the first byte, and bytes. */
export interface Looked<H = unknown> {
  readonly head: H;
  readonly body: AsyncIterable<Uint8Array>;
}

/** To the thread. Each `pull` is answered with a chunk or the end. */
export type LookRequest =
  | { readonly id: number; readonly kind: "start"; readonly job: LookJob }
  | { readonly id: number; readonly kind: "pull" | "stop" };

/** From the thread: one `head` or `failed`, then an answer to each pull. */
export type LookAnswer =
  | { readonly id: number; readonly kind: "head"; readonly head: unknown }
  | { readonly id: number; readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly id: number; readonly kind: "end" }
  | { readonly id: number; readonly kind: "failed"; readonly error: EncodedError };
