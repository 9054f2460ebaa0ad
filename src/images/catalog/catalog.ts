import type { ImageContext } from "../context.ts";
import { imageDiskUsage } from "./diskUsage.ts";
import { imageHistory } from "./imageHistory.ts";
import type { ImageCatalog } from "../imageService.ts";
import { inspectImage } from "./inspectImage.ts";
import { listImages } from "./listImages.ts";
import { isNamed, lookup } from "../lookup.ts";
import { pruneImages } from "./pruneImages.ts";
import { removePlatforms } from "./removedPlatforms.ts";
import { removeImage } from "./removeImage.ts";
import { tagImage } from "./tagImage.ts";

/** The acts on records, over one context. */
export function createCatalog(context: ImageContext): ImageCatalog {
  return {
    lookup: (name, platform) => lookup(context, name, platform),
    isNamed: (name, imageId) => isNamed(context, name, imageId),
    list: (options) => listImages(context, options),
    inspect: (name, options) => inspectImage(context, name, options),
    history: (name, platform) => imageHistory(context, name, platform),
    tag: (name, target) => tagImage(context, name, target),
    remove: (name, { force, platforms = [] }) =>
      platforms.length === 0
        ? removeImage(context, name, { force })
        : removePlatforms(context, name, { platforms, force }),
    prune: (filters) => pruneImages(context, filters),
    diskUsage: () => imageDiskUsage(context),
    count: () => context.metadata.images.listContent().length,
  };
}
