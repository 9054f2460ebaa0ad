import type { ProgressSink } from "#engineapi";
import type { Digest, Platform, Reference } from "#oci";

/**
 * New images out of old ones, made in the layer store: no mount, nothing unpacked, the old image stays. A lease holds all that
 * takes part; an act that fails leaves nothing.
 */
export interface ImageReshaping {
  /**
   * The layers from a step of the history on become one. @throws {invalid_argument} when there is no such step
   */
  squash(name: string, options: ReshapeOptions & { readonly fromStep?: number }): Promise<ReshapedImage>;
  /** All layers become one that holds no whiteout. */
  flatten(name: string, options: ReshapeOptions): Promise<ReshapedImage>;
  /**
   * The layers above `from` (default: the largest local image that is the image's base) are put upon `onto`.
   * @throws {conflict} REBASE_CONFLICT, `details.paths`, when they touch what differs between the bases, unless `force`
   * @throws {failed_precondition} when `from` is not the image's base, or none is known; when platforms differ
   */
  rebase(name: string, options: RebaseOptions): Promise<ReshapedImage>;
}

export interface ReshapeOptions {
  /** Which name the new image gets; default: the one that it was asked for by, if it was a name. */
  readonly tag?: Reference;
  readonly platform?: Platform;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
}

export interface RebaseOptions extends ReshapeOptions {
  /** The image with the new base's layers. */
  readonly onto: string;
  readonly from?: string;
  readonly force: boolean;
}

/** What came out; `imageId` is the old one when there was nothing to do. */
export interface ReshapedImage {
  readonly imageId: Digest;
  readonly was: Digest;
  /** The name that points at the new image now. */
  readonly reference: Reference | undefined;
  readonly layersBefore: number;
  readonly layersAfter: number;
}
