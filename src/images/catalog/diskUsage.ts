import type { ImageDiskUsage } from "#engineapi";
import { findConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { countStacks, sharedBytes } from "./imageSize.ts";
import { summarize } from "./listImages.ts";
import { hiddenVariants } from "../variants.ts";
import { namesOfAll } from "./names.ts";

/**
 * The image part of `docker system df`. `LayersSize` is what layers and blobs take on disk, each once, so that it agrees
 * with `du`; the rows carry sizes of files as `docker images` does, and how many containers use each.
 */
export async function imageDiskUsage(context: ImageContext): Promise<ImageDiskUsage> {
  const hidden = await hiddenVariants(context);
  const images = context.metadata.images.listContent().filter(({ imageId }) => !hidden.has(imageId));
  const stacks = countStacks(images);
  const names = namesOfAll(context);
  const rows = await Promise.all(
    images.map(async (image) => {
      const config = await findConfig(context.content, image.imageId);
      const shared = sharedBytes(context, image.diffIds, stacks);
      const row = summarize(context, image, { config, names: names.get(image.imageId) ?? [], shared });
      return { ...row, Containers: context.users.usersOf(image.imageId).length };
    }),
  );
  const layers = context.layers.list().reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  let blobs = 0;
  for await (const { size } of context.content.list()) blobs += size;
  return { LayersSize: layers + blobs, Images: rows.sort((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1)) };
}
