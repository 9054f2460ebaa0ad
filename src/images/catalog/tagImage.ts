import { EngineError, ErrorCode } from "#errors";
import { familiarName, familiarReference, formatReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import { readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { imageEvent } from "../imageEvents.ts";
import { findImage } from "../lookup.ts";
import { putName } from "../recordImage.ts";

/** @throws {invalid_argument} when a digest is to become a tag, or the name reads like a digest. */
export function checkTagTarget(target: Reference): void {
  if (target.digest !== undefined) {
    throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, "cannot import digest reference");
  }
  if (familiarName(target) === "sha256") {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.INVALID_REFERENCE,
      "refusing to create an ambiguous tag using digest algorithm as name",
    );
  }
}

/** Gives an image one more name; a name that pointed elsewhere moves. @throws {not_found}, {invalid_argument} */
export async function tagImage(context: ImageContext, name: string, target: Reference): Promise<void> {
  checkTagTarget(target);
  const reference = withDefaultTag(target);
  const { config } = await readConfig(context.content, findImage(context, name).imageId);
  const { images } = context.metadata;
  const image = context.metadata.transaction(() => {
    // Looked up again within the transaction: the image may have gone while its config was read.
    const found = findImage(context, name);
    const { imageId, manifest } = found;
    const from = images.listByImageId(imageId)[0]?.target ?? manifest;
    putName(context, formatReference(reference), { imageId, target: from });
    images.putContent({ ...found, lastTaggedAt: context.now() });
    return found;
  });
  imageEvent(context.events, "tag", { actor: image.imageId, name: familiarReference(reference), config });
}
