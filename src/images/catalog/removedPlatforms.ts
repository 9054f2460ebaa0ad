import { EngineError, ErrorCode } from "#errors";
import { formatPlatform } from "#oci";
import type { Platform } from "#oci";
import type { ImageContext } from "../context.ts";
import { findForPlatform, findImage } from "../lookup.ts";
import { indexesOf, variantsOf } from "../variants.ts";

/**
 * `rmi --platform`: an image of one platform goes when it is that one.
 * @throws {not_found} when the image does not have it; {not_implemented} when it has others that are to stay
 */
export async function checkRemovedPlatforms(
  context: ImageContext,
  name: string,
  platforms: readonly Platform[],
): Promise<void> {
  if (platforms.length === 0) return;
  for (const platform of platforms) await findForPlatform(context, name, platform);
  const image = findImage(context, name);
  const others = await Promise.all(indexesOf(context, image).map((index) => variantsOf(context, image, index)));
  if (others.flat().length === 0) return;
  const listed = platforms.map(formatPlatform).join(", ");
  const message = `${name} has several platforms here, of which ${listed} alone cannot be removed`;
  throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, message);
}
