import type { HistoryItem } from "#engineapi";
import type { Digest, Platform } from "#oci";
import { readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { parentOf } from "./imageParent.ts";
import { layerBytes } from "./imageSize.ts";
import { findForPlatform } from "../lookup.ts";
import { namesOf, repoTags } from "./names.ts";

const MISSING = "<missing>";

/** `docker history`, newest first; entries that made a layer carry its size, the newest carries ID and tags, and so do images that it was committed from. @throws {not_found} */
export async function imageHistory(
  context: ImageContext,
  name: string,
  platform?: Platform,
): Promise<readonly HistoryItem[]> {
  const image = await findForPlatform(context, name, platform);
  const { config } = await readConfig(context.content, image.imageId);
  const layers = image.diffIds.values();
  const oldestFirst = (config.history ?? []).map((entry): HistoryItem => {
    const diffId = entry.empty_layer === true ? undefined : layers.next().value;
    return {
      Comment: entry.comment ?? "",
      Created: entry.created === undefined ? 0 : Math.floor(Date.parse(entry.created) / 1000) || 0,
      CreatedBy: entry.created_by ?? "",
      Id: MISSING,
      Size: diffId === undefined ? 0 : layerBytes(context, diffId),
      Tags: null,
    };
  });
  const ids = await lineOf(context, image.imageId);
  return oldestFirst.reverse().map((item, index) => named(context, item, ids[index]));
}

function named(context: ImageContext, item: HistoryItem, id: Digest | undefined): HistoryItem {
  if (id === undefined) return item;
  const tags = repoTags(namesOf(context, id));
  return { ...item, Id: id, Tags: tags.length === 0 ? null : tags };
}

/** The image and those that it was committed from, as far as they are here: dockerd names rows by them in turn. */
async function lineOf(context: ImageContext, imageId: Digest): Promise<readonly Digest[]> {
  const line: Digest[] = [];
  let next: Digest | undefined = imageId;
  while (next !== undefined && !line.includes(next)) {
    line.push(next);
    next = parentOf(context, (await readConfig(context.content, next)).config);
  }
  return line;
}
