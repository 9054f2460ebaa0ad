import { chainIdsOf } from "#oci";
import type { ChainId, Digest } from "#oci";
import type { ImageContext } from "../context.ts";

/**
 * The stacks of layers, top first, that nothing needs once the image is gone: other images, containers and views hold
 * theirs and all below.
 */
export function releasedStacks(context: ImageContext, imageId: Digest): readonly ChainId[] {
  const { images, snapshots } = context.metadata;
  const own = images.getContent(imageId)?.diffIds ?? [];
  const held = new Set<string>();
  for (const image of images.listContent()) {
    if (image.imageId !== imageId) for (const chainId of chainIdsOf(image.diffIds)) held.add(chainId);
  }
  for (const { kind, parent } of snapshots.list()) {
    if (kind === "committed") continue;
    for (let name = parent; name !== undefined && !held.has(name); name = snapshots.get(name)?.parent) held.add(name);
  }
  const topFirst = chainIdsOf(own).reverse();
  const firstHeld = topFirst.findIndex((chainId) => held.has(chainId));
  return firstHeld < 0 ? topFirst : topFirst.slice(0, firstHeld);
}
