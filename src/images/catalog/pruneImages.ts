import type { Filters, ImageDeleteItem, ImagesPruneReport } from "#engineapi";
import { EngineError, ErrorCode, isConflict, isNotFound } from "#errors";
import type { ImageContentRecord } from "#metadata";
import { hexOf } from "#oci";
import { findConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { booleanFilter, checkFilterKeys, hasAnyLabel, hasLabels, untilFilter } from "./filters.ts";
import { invalidFilter } from "../imageErrors.ts";
import { createdAt } from "./listImages.ts";
import { hiddenVariants } from "../variants.ts";
import { isTag, namesOf } from "./names.ts";
import { removeImage } from "./removeImage.ts";

const ACCEPTED = ["dangling", "label", "label!", "until"];
const running = new WeakSet<ImageContext["metadata"]>();

/**
 * `docker image prune`: dangling images, or with `dangling=false` all that no container uses. Unfinished downloads that
 * nobody waits for go too. One at a time.
 * @throws {invalid_argument}, {conflict} `a prune operation is already running`
 */
export async function pruneImages(context: ImageContext, filters: Filters): Promise<ImagesPruneReport> {
  checkFilterKeys(filters, ACCEPTED);
  const danglingOnly = booleanFilter(filters, "dangling") ?? true;
  if ((filters.get("until") ?? []).length > 1) throw invalidFilter("more than one until filter specified");
  const until = untilFilter(filters, context.now());
  if (running.has(context.metadata)) {
    throw new EngineError("conflict", ErrorCode.IMAGE_CONFLICT, "a prune operation is already running");
  }
  running.add(context.metadata);
  try {
    const deleted: ImageDeleteItem[] = [];
    const hidden = await hiddenVariants(context);
    for (const image of context.metadata.images.listContent()) {
      if (!hidden.has(image.imageId) && (await isWanted(context, image, { filters, until })))
        deleted.push(...(await pruneOne(context, image, danglingOnly)));
    }
    const { bytes } = await context.collector.collect({ ingests: "all" });
    context.events({ Type: "image", Action: "prune", Actor: { ID: "", Attributes: { reclaimed: String(bytes) } } });
    return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
  } finally {
    running.delete(context.metadata);
  }
}

async function isWanted(
  context: ImageContext,
  image: ImageContentRecord,
  { filters, until }: { readonly filters: Filters; readonly until: number | undefined },
): Promise<boolean> {
  const config = await findConfig(context.content, image.imageId);
  const labels = config?.config?.Labels ?? {};
  if (until !== undefined && createdAt(config) > until) return false;
  return hasLabels(filters.get("label") ?? [], labels) && !hasAnyLabel(filters.get("label!") ?? [], labels);
}

async function pruneOne(
  context: ImageContext,
  { imageId }: ImageContentRecord,
  danglingOnly: boolean,
): Promise<readonly ImageDeleteItem[]> {
  const names = namesOf(context, imageId);
  if (danglingOnly && names.some(isTag)) return [];
  const targets = names.length === 0 ? [hexOf(imageId)] : names.map(({ record }) => record.reference);
  const deleted: ImageDeleteItem[] = [];
  for (const target of targets) {
    try {
      deleted.push(...(await removeImage(context, target, { force: false, collect: false })));
    } catch (error) {
      // In use, or gone with the name before it: prune passes over both.
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }
  return deleted;
}
