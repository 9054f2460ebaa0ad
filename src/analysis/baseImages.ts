import type { DiffId } from "#oci";

/** An image that lies under another: all its layers are that one's first ones. */
export interface BaseImage {
  /** How many layers the two share. */
  readonly layers: number;
  /** All images of just these layers, sorted. */
  readonly names: readonly string[];
}

export interface NamedLayers {
  readonly name: string;
  readonly diffIds: readonly DiffId[];
}

/**
 * Which of the known images an image is made from, by its layers: the one with the fewest first. An image with all of
 * its layers is another name of it and no base; one without layers is under all and is left out.
 */
export function baseImagesOf(diffIds: readonly DiffId[], known: Iterable<NamedLayers>): readonly BaseImage[] {
  const byLength = new Map<number, Set<string>>();
  for (const { name, diffIds: own } of known) {
    const isBase = own.length > 0 && own.length < diffIds.length && own.every((id, index) => id === diffIds[index]);
    if (!isBase) continue;
    const names = byLength.get(own.length) ?? new Set();
    byLength.set(own.length, names.add(name));
  }
  return [...byLength]
    .map(([layers, names]) => ({ layers, names: [...names].sort() }))
    .sort((a, b) => a.layers - b.layers);
}

/** The base that a layer comes from: the smallest that has it. Undefined: the image itself brought it. */
export function baseOfLayer(bases: readonly BaseImage[], layer: number): BaseImage | undefined {
  return bases.find((base) => layer < base.layers);
}
