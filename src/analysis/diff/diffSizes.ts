import type { MergedImage } from "../mergedImage.ts";

/** Bytes of the files that a container sees at or below a path. */
export interface SizeDifference {
  /** A name in the root, latin1; "" for all of it. */
  readonly path: string;
  readonly before: number;
  readonly after: number;
}

function sizesOf(merged: MergedImage): ReadonlyMap<string, number> {
  const { tree, view } = merged;
  const sizes = new Map([["", view.sizes[0] ?? 0]]);
  for (const child of tree.childrenOf(0)) {
    if (view.isPresent(child)) sizes.set(tree.nameOf(child), view.sizes[child] ?? 0);
  }
  return sizes;
}

/** The whole first, then each name in the root of either image, in byte order; also those that weigh the same in both. */
export function diffSizes(before: MergedImage, after: MergedImage): readonly SizeDifference[] {
  const [left, right] = [sizesOf(before), sizesOf(after)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort()
    .map((path) => ({ path, before: left.get(path) ?? 0, after: right.get(path) ?? 0 }));
}
