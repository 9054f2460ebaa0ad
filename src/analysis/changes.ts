import type { LayerEntry } from "./openImage.ts";

/**
 * What differs between two entries of one path, as bits. `undecided`: two files of the same size whose bytes nobody has
 * compared yet; it stands alone for the content until somebody says.
 */
export const Change = {
  content: 1,
  type: 2,
  mode: 4,
  owner: 8,
  target: 16,
  xattrs: 32,
  device: 64,
  undecided: 128,
  /** Alone it is no modification: what a layer repeats with another time is unmodified. */
  mtime: 256,
} as const;

/** The bits that make an entry "modified". */
export const MODIFYING: number =
  Change.content |
  Change.type |
  Change.mode |
  Change.owner |
  Change.target |
  Change.xattrs |
  Change.device |
  Change.undecided;

export type ChangeName = "content" | "type" | "mode" | "owner" | "target" | "xattrs" | "device" | "undecided" | "mtime";

const NAMES: readonly (readonly [ChangeName, number])[] = [
  ["type", Change.type],
  ["content", Change.content],
  ["undecided", Change.undecided],
  ["mode", Change.mode],
  ["owner", Change.owner],
  ["target", Change.target],
  ["xattrs", Change.xattrs],
  ["device", Change.device],
  ["mtime", Change.mtime],
];

/** Bits of {@link Change} as words, the weightiest first. */
export function changeNames(changes: number): readonly ChangeName[] {
  return NAMES.filter(([, bit]) => (changes & bit) !== 0).map(([name]) => name);
}

type Xattrs = LayerEntry["xattrs"];

function sameXattrs(a: Xattrs, b: Xattrs): boolean {
  if (a === b) return true;
  const names = Object.keys(a ?? {});
  if (names.length !== Object.keys(b ?? {}).length) return false;
  return names.every((name) => {
    const left = a?.[name];
    const right = b?.[name];
    return left !== undefined && right !== undefined && Buffer.compare(left, right) === 0;
  });
}

function contentBits(lower: LayerEntry, upper: LayerEntry): number {
  // Neither has bytes of its own here: what they lead to is compared at its own path.
  if (lower.hardLink === true && upper.hardLink === true && lower.target === upper.target) return 0;
  if (lower.hardLink === true || upper.hardLink === true) return Change.undecided;
  if (lower.size !== upper.size) return Change.content;
  return lower.size === 0 ? 0 : Change.undecided;
}

function typeBits(lower: LayerEntry, upper: LayerEntry): number {
  switch (upper.type) {
    case "file":
      return contentBits(lower, upper);
    case "symlink":
      return lower.target === upper.target ? 0 : Change.target;
    case "char":
    case "block":
      return lower.device?.major === upper.device?.major && lower.device?.minor === upper.device?.minor
        ? 0
        : Change.device;
    case "directory":
    case "fifo":
      return 0;
  }
}

/**
 * Bits of {@link Change} for `upper` in place of `lower`. Entries alone do not tell whether files of equal size hold
 * equal bytes: that is `undecided`. Neither may be a whiteout. The mode of symlinks means nothing and is not compared.
 */
export function changesBetween(lower: LayerEntry, upper: LayerEntry): number {
  let changes = lower.mtimeSeconds === upper.mtimeSeconds ? 0 : Change.mtime;
  if (lower.uid !== upper.uid || lower.gid !== upper.gid) changes |= Change.owner;
  if (lower.mode !== upper.mode && upper.type !== "symlink") changes |= Change.mode;
  if (!sameXattrs(lower.xattrs, upper.xattrs)) changes |= Change.xattrs;
  return changes | (lower.type === upper.type ? typeBits(lower, upper) : Change.type);
}
