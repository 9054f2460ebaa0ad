import { createCatalog } from "./catalog/catalog.ts";
import type { ImageContext } from "./context.ts";
import { commitContainer, configForCommit } from "./commit.ts";
import { createImageBuilding } from "./createImageBuilding.ts";
import type { ImageBuilding } from "./imageBuilding.ts";
import type { ImageCatalog, ImageCommits, ImageTransfer } from "./imageService.ts";
import type { ImageReshaping } from "./imageReshaping.ts";
import { importRootfs } from "./import.ts";
import { loadArchive } from "./load.ts";
import { pullImage } from "./pull.ts";
import { pushImage } from "./push.ts";
import { createImageReshaping } from "./reshape/reshapeImage.ts";
import { saveImages } from "./save.ts";

/** The rooms that images stand on; `now` (ms since 1970) defaults to the clock. */
export interface ImageServiceOptions extends Omit<ImageContext, "now"> {
  readonly now?: () => number;
}

/** Images, whole: what moves them, what looks at them, what makes them of containers. */
export function createImageService(
  options: ImageServiceOptions,
): ImageTransfer & ImageCatalog & ImageCommits & ImageBuilding & ImageReshaping {
  const context: ImageContext = { ...options, now: options.now ?? Date.now };
  const catalog = createCatalog(context);
  const building = createImageBuilding(context);
  return {
    ...catalog,
    ...building,
    ...createImageReshaping(context, (image, lease) => building.recordBuilt(image, lease)),
    configFor: configForCommit,
    commit: (container) => commitContainer(context, container),
    pull: (reference, transfer) => pullImage(context, reference, transfer),
    push: (reference, transfer) => pushImage(context, reference, transfer),
    load: (archive, transfer) => loadArchive(context, archive, transfer),
    save: (names, transfer) => saveImages(context, names, transfer),
    importRootfs: (rootfs, transfer) => importRootfs(context, rootfs, transfer),
  };
}
