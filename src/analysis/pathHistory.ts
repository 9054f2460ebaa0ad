import { Change, changeNames, changesBetween, MODIFYING } from "./changes.ts";
import type { ChangeName } from "./changes.ts";
import type { ImageTree } from "./imageTree.ts";
import { resolvePath } from "./mergedImage.ts";
import type { MergedImage } from "./mergedImage.ts";
import type { ImageLayer, LayerEntry } from "./openImage.ts";
import { Kind } from "./treeArrays.ts";

/** Why a path is no longer seen. */
export interface HiddenBy {
  /** A whiteout, a directory that hides what is below, or something that is no directory in place of one. */
  readonly kind: "whiteout" | "opaque" | "replaced";
  /** The path itself or a directory above it. */
  readonly path: string;
}

/** What one layer did to a path. `repeated`: it holds the path again, as it was. */
export interface PathEvent {
  readonly kind: "added" | "changed" | "repeated" | "removed";
  readonly layer: ImageLayer;
  /** Of "changed": what differs from the copy before, the weightiest first. */
  readonly changes: readonly ChangeName[];
  /** Of "removed". */
  readonly hiddenBy: HiddenBy | undefined;
  /** What the layer holds under that path; undefined for "removed". */
  readonly entry: LayerEntry | undefined;
  /** Bytes in this layer (a directory: of all below it) that later layers hide or replace. */
  readonly wastedBytes: number;
}

export interface PathHistory {
  /** Clean, symlinks of its directories followed. */
  readonly path: string;
  /** Base first. */
  readonly events: readonly PathEvent[];
  /** How it stands after the last layer; undefined: it is not there. */
  readonly entry: LayerEntry | undefined;
  /** Sum over all layers. */
  readonly wastedBytes: number;
}

/** Occurrences of one node by layer, the last of a layer wins. */
function byLayer(tree: ImageTree, node: number): ReadonlyMap<number, number> {
  const { starts, layers } = tree.arrays;
  const found = new Map<number, number>();
  for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) found.set(layers[at] ?? 0, at);
  return found;
}

function cutOf(tree: ImageTree, at: number, isSelf: boolean): HiddenBy["kind"] | undefined {
  const kind = tree.arrays.kinds[at] ?? 0;
  if ((kind & Kind.whiteout) !== 0) return "whiteout";
  if (isSelf) return undefined;
  if ((kind & Kind.directory) === 0) return "replaced";
  return (kind & Kind.opaque) === 0 ? undefined : "opaque";
}

/** Follows one path up the layers. */
class Follower {
  readonly events: Omit<PathEvent, "wastedBytes">[] = [];
  readonly #tree: ImageTree;
  readonly #lineage: readonly { readonly path: string; readonly byLayer: ReadonlyMap<number, number> }[];
  #standing: number | undefined;

  constructor(tree: ImageTree, node: number) {
    this.#tree = tree;
    const lineage = [];
    for (let at = node; at !== 0; at = tree.parentOf(at))
      lineage.push({ path: tree.pathOf(at), byLayer: byLayer(tree, at) });
    this.#lineage = lineage.reverse();
  }

  #hiddenBy(index: number): HiddenBy | undefined {
    for (const [depth, { path, byLayer }] of this.#lineage.entries()) {
      const at = byLayer.get(index);
      const kind = at === undefined ? undefined : cutOf(this.#tree, at, depth === this.#lineage.length - 1);
      if (kind !== undefined) return { kind, path };
    }
    return undefined;
  }

  follow(layer: ImageLayer): void {
    const hiddenBy = this.#hiddenBy(layer.index);
    const own = this.#lineage.at(-1)?.byLayer.get(layer.index);
    const kind = own === undefined ? Kind.whiteout : (this.#tree.arrays.kinds[own] ?? 0);
    if (own !== undefined && (kind & Kind.whiteout) === 0) this.#appear(layer, own, kind);
    else if (hiddenBy !== undefined) this.#vanish(layer, hiddenBy);
  }

  #vanish(layer: ImageLayer, hiddenBy: HiddenBy): void {
    if (this.#standing === undefined) return;
    this.#standing = undefined;
    this.events.push({ kind: "removed", layer, changes: [], hiddenBy, entry: undefined });
  }

  #appear(layer: ImageLayer, own: number, kind: number): void {
    const { entries, kinds, changes } = this.#tree.arrays;
    const entry = entries[own];
    const before = this.#standing;
    if (entry === undefined) return;
    if (before === undefined) {
      this.#standing = own;
      this.events.push({ kind: "added", layer, changes: [], hiddenBy: undefined, entry });
      return;
    }
    if ((kind & Kind.implied) !== 0 && ((kinds[before] ?? 0) & Kind.directory) !== 0) return;
    const lower = entries[before];
    // Whether equal sizes are equal bytes may have been settled.
    const settled = (changes[own] ?? 0) & (Change.content | Change.undecided);
    const between = lower === undefined ? 0 : changesBetween(lower, entry);
    const bits = (between & Change.undecided) === 0 ? between : (between & ~Change.undecided) | settled;
    this.#standing = own;
    const isChange = (bits & MODIFYING) !== 0;
    if (!isChange && entry.type === "directory") return;
    this.events.push({
      kind: isChange ? "changed" : "repeated",
      layer,
      changes: changeNames(bits),
      hiddenBy: undefined,
      entry,
    });
  }
}

/** By layer: bytes of files at or below a node that are not what a container sees. */
function wasteBelow(merged: MergedImage, node: number): ReadonlyMap<number, number> {
  const { tree, view } = merged;
  const { starts, layers, entries } = tree.arrays;
  const waste = new Map<number, number>();
  for (let at = starts[node] ?? 0; at < (starts[tree.endOf(node)] ?? 0); at++) {
    const entry = entries[at];
    const layer = layers[at] ?? 0;
    if (entry === undefined || entry.size === 0 || layer > view.to) continue;
    waste.set(layer, (waste.get(layer) ?? 0) + entry.size);
  }
  for (let below = node; below < tree.endOf(node); below++) {
    const size = view.isPresent(below) ? (view.entryOf(below)?.size ?? 0) : 0;
    const layer = view.layerOf(below);
    if (size > 0) waste.set(layer, (waste.get(layer) ?? 0) - size);
  }
  return waste;
}

function nodeOf(merged: MergedImage, path: string): number | undefined {
  const { tree } = merged;
  const literal = path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
  const resolved = resolvePath(merged, path, { followLast: false });
  if (resolved !== undefined) return resolved;
  // Not there any more: its directory may be, by another name.
  const slash = literal.lastIndexOf("/");
  const parent = slash < 0 ? 0 : resolvePath(merged, literal.slice(0, slash));
  const moved = parent === undefined ? undefined : tree.childNamed(parent, literal.slice(slash + 1));
  return tree.find(literal) ?? moved;
}

/**
 * What each layer did to a path, whether it is still there or not. Undefined when no layer names it. A path to the root
 * has no history: its events are empty.
 * @throws {invalid_argument} SYMLINK_LOOP
 */
export function explainPath(merged: MergedImage, path: string): PathHistory | undefined {
  const node = nodeOf(merged, path);
  if (node === undefined) return undefined;
  const { image, tree, view } = merged;
  const follower = new Follower(tree, node);
  for (const layer of image.layers.slice(0, view.to + 1)) follower.follow(layer);
  if (node !== 0 && follower.events.length === 0) return undefined;
  const waste = wasteBelow(merged, node);
  let wastedBytes = 0;
  for (const bytes of waste.values()) wastedBytes += bytes;
  return {
    path: tree.pathOf(node),
    events: follower.events.map((event) => ({
      ...event,
      wastedBytes: event.kind === "removed" ? 0 : (waste.get(event.layer.index) ?? 0),
    })),
    entry: view.isPresent(node) ? view.entryOf(node) : undefined,
    wastedBytes,
  };
}
