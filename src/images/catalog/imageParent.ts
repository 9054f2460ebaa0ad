import { isDigest } from "#oci";
import type { Digest, ImageConfig } from "#oci";
import type { ImageContext } from "../context.ts";

/** The image that this one was committed from; undefined for all others, and when it is not here any more. */
export function parentOf(context: ImageContext, { parent }: ImageConfig): Digest | undefined {
  if (parent === undefined || !isDigest(parent)) return undefined;
  return context.metadata.images.getContent(parent) === undefined ? undefined : parent;
}
