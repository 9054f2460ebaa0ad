/** Depth first with names in byte order: `/` is lower than any other byte. */
function orderKey(path: string): Buffer {
  return Buffer.from(path.replaceAll("/", "\0"));
}

/** The order in which both sides of a transfer name their entries. */
export function inWalkOrder<T>(items: readonly T[], pathOf: (item: T) => string): readonly T[] {
  return items
    .map((item) => ({ item, key: orderKey(pathOf(item)) }))
    .sort((left, right) => Buffer.compare(left.key, right.key))
    .map(({ item }) => item);
}
