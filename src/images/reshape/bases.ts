import { EngineError, ErrorCode } from "#errors";
import type { ImageContentRecord } from "#metadata";
import type { DiffId, Digest, HistoryEntry, ImageConfig } from "#oci";
import { findConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import type { FoundImage } from "../imageService.ts";

/** A local image whose layers are the first ones of another. */
export interface LocalBase {
  readonly imageId: Digest;
  readonly config: ImageConfig;
  readonly diffIds: readonly DiffId[];
}

export function isPrefix(base: readonly DiffId[], diffIds: readonly DiffId[]): boolean {
  return base.length <= diffIds.length && base.every((diffId, index) => diffIds[index] === diffId);
}

/** The local image with the most layers that all are the image's first ones, but not all of them; undefined when there is none. */
export async function largestBase(context: ImageContext, image: FoundImage): Promise<LocalBase | undefined> {
  const candidates = [...context.metadata.images.listContent()]
    .filter(({ diffIds }) => diffIds.length > 0 && diffIds.length < image.diffIds.length)
    .filter(({ diffIds }) => isPrefix(diffIds, image.diffIds))
    .sort((a, b) => b.diffIds.length - a.diffIds.length || compareHistory(a, b));
  for (const { imageId, diffIds } of candidates) {
    const config = await findConfig(context.content, imageId);
    if (config !== undefined) return { imageId, diffIds, config };
  }
  return undefined;
}

/** Of several with the same layers the oldest: what was made of it came later. */
function compareHistory(a: ImageContentRecord, b: ImageContentRecord): number {
  return a.createdAt - b.createdAt || (a.imageId < b.imageId ? -1 : 1);
}

/**
 * How many entries of an image's history tell of its first `layers` layers: all of the base's own, where they are the same, else up to
 * the last one that made such a layer.
 */
export function historyOfBase(history: readonly HistoryEntry[], layers: number, base?: ImageConfig): number {
  const own = base?.history ?? [];
  if (own.length > 0 && own.every((entry, index) => JSON.stringify(entry) === JSON.stringify(history[index]))) {
    return own.length;
  }
  let seen = 0;
  for (const [index, entry] of history.entries()) {
    if (seen === layers) return index;
    if (entry.empty_layer !== true) seen += 1;
  }
  return history.length;
}

/** How many layers lie below a step, 1-based, of an image's history. @throws {invalid_argument} when there is no such step */
export function layersBelowStep({ config, diffIds }: FoundImage, step: number): number {
  const history = config.history ?? [];
  const steps = history.length === 0 ? diffIds.length : history.length;
  if (!Number.isInteger(step) || step < 1 || step > steps) {
    const message = `no step ${step}: the image has ${steps}, from 1`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  if (history.length === 0) return step - 1;
  const below = history.slice(0, step - 1).filter((entry) => entry.empty_layer !== true).length;
  return Math.min(below, diffIds.length);
}
