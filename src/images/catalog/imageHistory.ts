import type { HistoryItem } from "#engineapi";
import { readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { layerBytes } from "./imageSize.ts";
import { findImage } from "../lookup.ts";
import { namesOf, repoTags } from "./names.ts";

const MISSING = "<missing>";

/** `docker history`, newest first; entries that made a layer carry its size, the newest carries ID and tags. @throws {not_found} */
export async function imageHistory(context: ImageContext, name: string): Promise<readonly HistoryItem[]> {
  const image = findImage(context, name);
  const { config } = await readConfig(context.content, image.imageId);
  const tags = repoTags(namesOf(context, image.imageId));
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
  const [newest, ...older] = oldestFirst.reverse();
  if (newest === undefined) return [];
  return [{ ...newest, Id: image.imageId, Tags: tags.length === 0 ? null : tags }, ...older];
}
