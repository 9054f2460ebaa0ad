/** Layers that images share, as a tree: `GET /varve/v1/tree`. */
export interface SharedLayer {
  readonly diffId: string;
  /** Sum of the sizes of its files, as `docker history` shows it. */
  readonly bytes: number;
  readonly createdBy: string;
  /** Images that end with this layer: names, or the ID of one that has none. */
  readonly images: readonly string[];
  /** Layers that stand on this one, in the order of what they are used for. */
  readonly children: readonly SharedLayer[];
}

/** An image for {@link shareTree}; layers base first. */
export interface SharingImage {
  /** Names, or the ID when it has none. */
  readonly names: readonly string[];
  readonly layers: readonly { readonly diffId: string; readonly bytes: number; readonly createdBy: string }[];
}

interface Growing {
  readonly diffId: string;
  readonly bytes: number;
  readonly createdBy: string;
  readonly images: string[];
  readonly children: Map<string, Growing>;
}

/** Base layers with all that stands on them; images without layers are left out. */
export function shareTree(images: readonly SharingImage[]): readonly SharedLayer[] {
  const roots = new Map<string, Growing>();
  for (const { names, layers } of images) {
    let level = roots;
    let last: Growing | undefined;
    for (const layer of layers) {
      last = level.get(layer.diffId) ?? { ...layer, images: [], children: new Map() };
      level.set(layer.diffId, last);
      level = last.children;
    }
    last?.images.push(...names);
  }
  return finished(roots);
}

function finished(level: ReadonlyMap<string, Growing>): readonly SharedLayer[] {
  const layers = Array.from(level.values(), ({ children, images, ...layer }) => ({
    ...layer,
    images: [...images].sort(),
    children: finished(children),
  }));
  return layers.sort((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
}

/** The first name in the layer's part of the tree. */
function sortName({ images, children, diffId }: SharedLayer): string {
  return images[0] ?? (children[0] === undefined ? diffId : sortName(children[0]));
}
