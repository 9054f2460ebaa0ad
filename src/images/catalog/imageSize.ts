import type { ImageContentRecord } from "#metadata";
import { chainIdsOf } from "#oci";
import type { ChainId, DiffId } from "#oci";
import type { ImageContext } from "../context.ts";

/** Bytes of the files of one layer, as `history` shows them; 0 when the layer is not here. */
export function layerBytes(context: ImageContext, diffId: DiffId): number {
  return context.layers.get(diffId)?.contentBytes ?? 0;
}

/** Sum over all layers, also those that other images share. */
export function imageBytes(context: ImageContext, diffIds: readonly DiffId[]): number {
  return diffIds.reduce((sum, diffId) => sum + layerBytes(context, diffId), 0);
}

/** How many of the images stand on each stack of layers. */
export type StackUse = ReadonlyMap<ChainId, number>;

export function countStacks(images: readonly ImageContentRecord[]): StackUse {
  const use = new Map<ChainId, number>();
  for (const { diffIds } of images) {
    for (const chainId of chainIdsOf(diffIds)) use.set(chainId, (use.get(chainId) ?? 0) + 1);
  }
  return use;
}

/** The part of an image's bytes that at least one other image has too. */
export function sharedBytes(context: ImageContext, diffIds: readonly DiffId[], use: StackUse): number {
  const chain = chainIdsOf(diffIds);
  return diffIds.reduce((sum, diffId, index) => {
    const chainId = chain[index];
    return chainId !== undefined && (use.get(chainId) ?? 0) > 1 ? sum + layerBytes(context, diffId) : sum;
  }, 0);
}
