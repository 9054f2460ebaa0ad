import { parentOf as parentPathOf } from "#tar";
import { Change, changesBetween } from "./changes.ts";
import type { LayerEntry, OpenImage } from "./openImage.ts";
import { Kind } from "./treeArrays.ts";
import type { TreeArrays } from "./treeArrays.ts";
import { computeView } from "./treeView.ts";
import type { TreeView } from "./treeView.ts";

/** One layer's word about a path. */
export interface Occurrence {
  readonly layer: number;
  readonly entry: LayerEntry;
  /** Bits of `Change` against the occurrence before; 0 for the first, and for a whiteout. */
  readonly changes: number;
}

/** Two files of one path in two layers, of the same size: only their bytes tell whether the upper one is a change. */
export interface UndecidedContent {
  readonly path: string;
  readonly lowerLayer: number;
  readonly upperLayer: number;
  readonly size: number;
}

function kindOf(entry: LayerEntry): number {
  if (entry.whiteout === true) return Kind.whiteout;
  if (entry.type !== "directory") return 0;
  return Kind.directory | (entry.opaque === true ? Kind.opaque : 0) | (entry.implied === true ? Kind.implied : 0);
}

/** Names and parents in the order in which paths are met; {@link Numbering} puts them in preorder. */
class PathTable {
  readonly names: string[] = [""];
  readonly parents: number[] = [0];
  readonly #ids = new Map<string, number>([["", 0]]);
  #lastParent = "";
  #lastParentId = 0;

  idOf(path: string): number {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    const parentPath = parentPathOf(path);
    // Neighbours share their directory.
    const parent = parentPath === this.#lastParent ? this.#lastParentId : this.idOf(parentPath);
    this.#lastParent = parentPath;
    this.#lastParentId = parent;
    const id = this.names.length;
    this.names.push(parentPath === "" ? path : path.slice(parentPath.length + 1));
    this.parents.push(parent);
    this.#ids.set(path, id);
    return id;
  }
}

/** Groups the numbers 0 … n-1 by a key below `keys`: members of key k are `list[starts[k]]` … in ascending order. */
function groupBy(
  keyOf: ArrayLike<number>,
  keys: number,
  from: number,
): { readonly starts: Int32Array; readonly list: Int32Array } {
  const starts = new Int32Array(keys + 1);
  for (let index = from; index < keyOf.length; index++) {
    const key = (keyOf[index] ?? 0) + 1;
    starts[key] = (starts[key] ?? 0) + 1;
  }
  for (let key = 0; key < keys; key++) starts[key + 1] = (starts[key + 1] ?? 0) + (starts[key] ?? 0);
  const next = starts.slice();
  const list = new Int32Array(keyOf.length - from);
  for (let index = from; index < keyOf.length; index++) {
    const key = keyOf[index] ?? 0;
    const at = next[key] ?? 0;
    list[at] = index;
    next[key] = at + 1;
  }
  return { starts, list };
}

function sortByName(list: Int32Array, names: readonly string[]): void {
  let sorted = true;
  for (let index = 1; index < list.length && sorted; index++) {
    sorted = (names[list[index - 1] ?? 0] ?? "") < (names[list[index] ?? 0] ?? "");
  }
  if (!sorted) list.sort((a, b) => ((names[a] ?? "") < (names[b] ?? "") ? -1 : 1));
}

/** Old id → place in preorder, and back. */
function preorder(table: PathTable): { readonly place: Int32Array; readonly order: Int32Array } {
  const count = table.names.length;
  const { starts, list } = groupBy(table.parents, count, 1);
  for (let id = 0; id < count; id++) {
    const first = starts[id] ?? 0;
    const last = starts[id + 1] ?? 0;
    if (last - first > 1) sortByName(list.subarray(first, last), table.names);
  }
  const place = new Int32Array(count);
  const order = new Int32Array(count);
  const stack: number[] = [0];
  for (let next = 0; stack.length > 0; next++) {
    const id = stack.pop() ?? 0;
    place[id] = next;
    order[next] = id;
    for (let child = (starts[id + 1] ?? 0) - 1; child >= (starts[id] ?? 0); child--) stack.push(list[child] ?? 0);
  }
  return { place, order };
}

/** The tree of all paths that any layer of an image names. Nodes are numbers in preorder: 0 is the root, the descendants of n are n+1 … `endOf(n)`-1. */
export class ImageTree {
  readonly layerCount: number;
  readonly nodeCount: number;
  readonly #names: readonly string[];
  readonly #ends: Int32Array;
  readonly #childStarts: Int32Array;
  readonly #children: Int32Array;
  /** For the passes of this room. */
  readonly arrays: TreeArrays;

  constructor(names: readonly string[], arrays: TreeArrays) {
    this.layerCount = arrays.layerCount;
    this.nodeCount = arrays.nodeCount;
    this.arrays = arrays;
    this.#names = names;
    const children = groupBy(arrays.parents, arrays.nodeCount, 1);
    this.#childStarts = children.starts;
    this.#children = children.list;
    this.#ends = endsOf(arrays.parents);
  }

  /** latin1, as in the entries; "" for the root. */
  nameOf(node: number): string {
    return this.#names[node] ?? "";
  }

  parentOf(node: number): number {
    return this.arrays.parents[node] ?? 0;
  }

  /** One past the last descendant. */
  endOf(node: number): number {
    return this.#ends[node] ?? node + 1;
  }

  /** 0 for the root. */
  depthOf(node: number): number {
    let depth = 0;
    for (let at = node; at !== 0; at = this.parentOf(at)) depth++;
    return depth;
  }

  pathOf(node: number): string {
    const parts: string[] = [];
    for (let at = node; at !== 0; at = this.parentOf(at)) parts.push(this.nameOf(at));
    return parts.reverse().join("/");
  }

  /** In byte order of the names. */
  childrenOf(node: number): Int32Array {
    return this.#children.subarray(this.#childStarts[node] ?? 0, this.#childStarts[node + 1] ?? 0);
  }

  /** The node of a clean path; undefined when no layer names it. */
  find(path: string): number | undefined {
    if (path === "") return 0;
    let node: number | undefined = 0;
    for (const name of path.split("/")) {
      node = this.childNamed(node, name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** The child of that name, by search in order. */
  childNamed(node: number, name: string): number | undefined {
    let low = this.#childStarts[node] ?? 0;
    let high = this.#childStarts[node + 1] ?? 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const child = this.#children[middle] ?? 0;
      const found = this.nameOf(child);
      if (found === name) return child;
      if (found < name) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** What each layer says about the path itself, lowest first; what ancestors hide is not told here. */
  occurrencesOf(node: number): readonly Occurrence[] {
    const { starts, layers, entries, changes } = this.arrays;
    const found: Occurrence[] = [];
    for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) {
      const entry = entries[at];
      if (entry !== undefined) found.push({ layer: layers[at] ?? 0, entry, changes: changes[at] ?? 0 });
    }
    return found;
  }

  /**
   * The tree after layer `to`, marked with what layers `from` … `to` did to the one below `from`. One layer: (k, k).
   * Aggregated over the base: (1, k). All of it unmodified: (k + 1, k).
   */
  view(from: number, to: number): TreeView {
    return computeView(this.arrays, from, to);
  }

  /** Files that count as modified only because nobody compared their bytes. */
  undecided(): readonly UndecidedContent[] {
    const { starts, layers, entries, changes } = this.arrays;
    const found: UndecidedContent[] = [];
    for (let node = 1; node < this.nodeCount; node++) {
      for (let at = (starts[node] ?? 0) + 1; at < (starts[node + 1] ?? 0); at++) {
        if (((changes[at] ?? 0) & Change.undecided) === 0) continue;
        found.push({
          path: this.pathOf(node),
          lowerLayer: layers[previousOf(this.arrays, node, at)] ?? 0,
          upperLayer: layers[at] ?? 0,
          size: entries[at]?.size ?? 0,
        });
      }
    }
    return found;
  }

  /** The answer to one of {@link undecided}; views made later know it. */
  settle(content: UndecidedContent, same: boolean): void {
    const node = this.find(content.path);
    if (node === undefined) return;
    const { starts, layers, changes } = this.arrays;
    for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) {
      const bits = changes[at] ?? 0;
      if (layers[at] !== content.upperLayer || (bits & Change.undecided) === 0) continue;
      changes[at] = (bits & ~Change.undecided) | (same ? 0 : Change.content);
    }
  }
}

function endsOf(parents: Int32Array): Int32Array {
  const ends = new Int32Array(parents.length);
  for (let node = parents.length - 1; node > 0; node--) {
    const end = Math.max(ends[node] ?? 0, node + 1);
    ends[node] = end;
    const parent = parents[node] ?? 0;
    if ((ends[parent] ?? 0) < end) ends[parent] = end;
  }
  ends[0] = parents.length;
  return ends;
}

/** The occurrence that `at` is compared with: the one before that holds attributes; -1 for none. */
function previousOf(arrays: Pick<TreeArrays, "starts" | "kinds">, node: number, at: number): number {
  const first = arrays.starts[node] ?? 0;
  let before = at - 1;
  while (before >= first && ((arrays.kinds[before] ?? 0) & Kind.whiteout) !== 0) before--;
  // A directory that its tar does not name keeps the attributes of the one below.
  let named = before;
  while (named >= first && ((arrays.kinds[named] ?? 0) & Kind.implied) !== 0) named--;
  const below = arrays.kinds[named] ?? 0;
  return named >= first && (below & Kind.directory) !== 0 ? named : before >= first ? before : -1;
}

function fillChanges(arrays: TreeArrays): void {
  const { starts, kinds, entries, changes, nodeCount } = arrays;
  for (let node = 1; node < nodeCount; node++) {
    for (let at = (starts[node] ?? 0) + 1; at < (starts[node + 1] ?? 0); at++) {
      const kind = kinds[at] ?? 0;
      if ((kind & Kind.whiteout) !== 0) continue;
      const before = previousOf(arrays, node, at);
      const lower = before < 0 ? undefined : entries[before];
      const upper = entries[at];
      if (lower === undefined || upper === undefined) continue;
      const keeps = (kind & Kind.implied) !== 0 && lower.type === "directory";
      changes[at] = keeps ? 0 : changesBetween(lower, upper);
    }
  }
}

function occurrencesByNode(layers: readonly (readonly LayerEntry[])[], table: PathTable): Int32Array {
  let total = 0;
  for (const entries of layers) total += entries.length;
  const ids = new Int32Array(total);
  let at = 0;
  for (const entries of layers) for (const entry of entries) ids[at++] = table.idOf(entry.path);
  return ids;
}

/** The tree over the entries of all layers, base first. Costs one pass; keeps the entries. */
export function buildImageTree(layers: readonly (readonly LayerEntry[])[]): ImageTree {
  const table = new PathTable();
  const ids = occurrencesByNode(layers, table);
  const { place, order } = preorder(table);
  const nodeCount = order.length;
  const parents = Int32Array.from(order, (id) => place[table.parents[id] ?? 0] ?? 0);
  for (let index = 0; index < ids.length; index++) ids[index] = place[ids[index] ?? 0] ?? 0;
  const { starts, list } = groupBy(ids, nodeCount, 0);
  const layerOf = new Int32Array(ids.length);
  const flat: LayerEntry[] = [];
  for (const [layer, entries] of layers.entries()) {
    layerOf.fill(layer, flat.length, flat.length + entries.length);
    for (const entry of entries) flat.push(entry);
  }
  const entries: LayerEntry[] = [];
  for (const index of list) {
    const entry = flat[index];
    if (entry !== undefined) entries.push(entry);
  }
  const arrays: TreeArrays = {
    layerCount: layers.length,
    nodeCount,
    parents,
    starts,
    layers: Int32Array.from(list, (index) => layerOf[index] ?? 0),
    kinds: Uint8Array.from(entries, kindOf),
    changes: new Uint16Array(entries.length),
    entries,
    sizes: Float64Array.from(entries, (entry) => entry.size),
  };
  fillChanges(arrays);
  const names: string[] = [];
  for (const id of order) names.push(table.names[id] ?? "");
  return new ImageTree(names, arrays);
}

/** Reads all layers of an image, side by side, and makes their tree. */
export async function readImageTree(
  image: OpenImage,
  options: { readonly signal?: AbortSignal } = {},
): Promise<ImageTree> {
  return buildImageTree(await Promise.all(image.layers.map((layer) => image.readLayer(layer.index, options))));
}
