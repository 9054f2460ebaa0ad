import { createCatalog } from "./catalog/catalog.ts";
import type { ImageContext } from "./context.ts";
import type { ImageCatalog, ImageTransfer } from "./imageService.ts";
import { importRootfs } from "./import.ts";
import { loadArchive } from "./load.ts";
import { pullImage } from "./pull.ts";
import { pushImage } from "./push.ts";
import { saveImages } from "./save.ts";

/** The rooms that images stand on; `now` (ms since 1970) defaults to the clock. */
export interface ImageServiceOptions extends Omit<ImageContext, "now"> {
  readonly now?: () => number;
}

/** Images, whole: what moves them and what looks at them. */
export function createImageService(options: ImageServiceOptions): ImageTransfer & ImageCatalog {
  const context: ImageContext = { ...options, now: options.now ?? Date.now };
  const catalog = createCatalog(context);
  return {
    ...catalog,
    pull: (reference, transfer) => pullImage(context, reference, transfer),
    push: (reference, transfer) => pushImage(context, reference, transfer),
    load: (archive, transfer) => loadArchive(context, archive, transfer),
    save: (names, transfer) => saveImages(context, names, transfer),
    importRootfs: (rootfs, transfer) => importRootfs(context, rootfs, transfer),
  };
}
