import { MODIFYING } from "./changes.ts";
import type { LayerEntry } from "./openImage.ts";
import { Kind } from "./treeArrays.ts";
import type { TreeArrays } from "./treeArrays.ts";

/** What became of a path in a view. `absent`: neither there before nor after nor between. */
export const NodeState = { absent: 0, unmodified: 1, modified: 2, added: 3, removed: 4 } as const;
export type NodeState = (typeof NodeState)[keyof typeof NodeState];

/** An image's tree after layer `to`, compared with what lies below layer `from`. */
export class TreeView {
  readonly from: number;
  readonly to: number;
  /** By node: a {@link NodeState}. A directory with a change somewhere in it is modified. */
  readonly states: Uint8Array;
  /** By node: bytes of a file; of a directory all in it, less what is removed (of a removed one: all that was in it). */
  readonly sizes: Float64Array;
  readonly #arrays: TreeArrays;
  readonly #shown: Int32Array;

  constructor(arrays: TreeArrays, range: readonly [from: number, to: number], shown: Int32Array) {
    [this.from, this.to] = range;
    this.#arrays = arrays;
    this.#shown = shown;
    this.states = new Uint8Array(arrays.nodeCount);
    this.sizes = new Float64Array(arrays.nodeCount);
  }

  stateOf(node: number): NodeState {
    return (this.states[node] ?? 0) as NodeState;
  }

  /** The entry whose attributes hold; of a removed path the last that did. Undefined for the root and for absent nodes. */
  entryOf(node: number): LayerEntry | undefined {
    const at = this.#shown[node] ?? -1;
    return at < 0 ? undefined : this.#arrays.entries[at];
  }

  /** The layer of {@link entryOf}; -1 when there is none. */
  layerOf(node: number): number {
    const at = this.#shown[node] ?? -1;
    return at < 0 ? -1 : (this.#arrays.layers[at] ?? -1);
  }

  /** Is there after layer `to`. */
  isPresent(node: number): boolean {
    const state = this.states[node] ?? 0;
    return state !== NodeState.absent && state !== NodeState.removed;
  }
}

/** Walks the occurrences of one node up to a layer. Fields, not results: nothing is allocated per node. */
class Resolver {
  /** The occurrence that stands; -1 for none. */
  standing = -1;
  /** What children have in layers below this one is hidden. */
  cut = 0;
  readonly #arrays: TreeArrays;

  constructor(arrays: TreeArrays) {
    this.#arrays = arrays;
  }

  resolve(node: number, limit: number, inheritedCut: number): void {
    const { starts, layers, kinds } = this.#arrays;
    this.standing = -1;
    this.cut = inheritedCut;
    const end = starts[node + 1] ?? 0;
    for (let at = starts[node] ?? 0; at < end; at++) {
      const layer = layers[at] ?? 0;
      if (layer > limit) return;
      if (layer >= inheritedCut) this.#apply(at, layer, kinds[at] ?? 0);
    }
  }

  #apply(at: number, layer: number, kind: number): void {
    if ((kind & Kind.whiteout) !== 0) {
      this.standing = -1;
      this.cut = layer;
      return;
    }
    const below = this.standing < 0 ? 0 : (this.#arrays.kinds[this.standing] ?? 0);
    if ((kind & Kind.directory) === 0 || (kind & Kind.opaque) !== 0) this.cut = layer;
    const keepsBelow = (kind & Kind.implied) !== 0 && (below & Kind.directory) !== 0;
    if (!keepsBelow) this.standing = at;
  }
}

/** Occurrences of a node within the range: the OR of their changes, and the last that is no whiteout (-1 for none). */
class RangeScan {
  changes = 0;
  last = -1;
  readonly #arrays: TreeArrays;

  constructor(arrays: TreeArrays) {
    this.#arrays = arrays;
  }

  scan(node: number, from: number, to: number): void {
    const { starts, layers, kinds, changes } = this.#arrays;
    this.changes = 0;
    this.last = -1;
    const end = starts[node + 1] ?? 0;
    for (let at = starts[node] ?? 0; at < end; at++) {
      const layer = layers[at] ?? 0;
      if (layer > to) return;
      if (layer < from || ((kinds[at] ?? 0) & Kind.whiteout) !== 0) continue;
      this.changes |= changes[at] ?? 0;
      this.last = at;
    }
  }
}

function stateOf(before: number, after: number, range: RangeScan): NodeState {
  if (after >= 0) {
    if (before < 0) return NodeState.added;
    return (range.changes & MODIFYING) === 0 ? NodeState.unmodified : NodeState.modified;
  }
  return before >= 0 || range.last >= 0 ? NodeState.removed : NodeState.absent;
}

/** Second pass, children before parents: sizes add up, and a directory with a change in it is modified. */
function accumulate(arrays: TreeArrays, view: TreeView): void {
  const { parents, nodeCount } = arrays;
  const { states, sizes } = view;
  for (let node = nodeCount - 1; node > 0; node--) {
    const state = states[node] ?? 0;
    if (state === NodeState.absent) continue;
    const parent = parents[node] ?? 0;
    const parentState = states[parent] ?? 0;
    if (state !== NodeState.removed || parentState === NodeState.removed) {
      sizes[parent] = (sizes[parent] ?? 0) + (sizes[node] ?? 0);
    }
    if (state !== NodeState.unmodified && parentState === NodeState.unmodified) states[parent] = NodeState.modified;
  }
}

/** First pass, parents before children. */
class Marking {
  readonly view: TreeView;
  readonly #arrays: TreeArrays;
  readonly #shown: Int32Array;
  readonly #cutsBefore: Int32Array;
  readonly #cutsAfter: Int32Array;
  readonly #resolver: Resolver;
  readonly #range: RangeScan;

  constructor(arrays: TreeArrays, from: number, to: number) {
    this.#arrays = arrays;
    this.#shown = new Int32Array(arrays.nodeCount).fill(-1);
    this.view = new TreeView(arrays, [from, to], this.#shown);
    this.#cutsBefore = new Int32Array(arrays.nodeCount);
    this.#cutsAfter = new Int32Array(arrays.nodeCount);
    this.#resolver = new Resolver(arrays);
    this.#range = new RangeScan(arrays);
    this.view.states[0] = NodeState.unmodified;
  }

  run(): void {
    const { starts, layers, kinds, sizes, parents, nodeCount } = this.#arrays;
    const { from, to, states, sizes: shownSizes } = this.view;
    const below = Math.min(from - 1, to);
    for (let node = 1; node < nodeCount; node++) {
      const parent = parents[node] ?? 0;
      const cutBefore = this.#cutsBefore[parent] ?? 0;
      const cutAfter = this.#cutsAfter[parent] ?? 0;
      const at = starts[node] ?? 0;
      const layer = layers[at] ?? 0;
      const isAlone = starts[node + 1] === at + 1 && ((kinds[at] ?? 0) & (Kind.whiteout | Kind.opaque)) === 0;
      // Nearly all paths of an image: one layer below the range names them, and nothing above hides that.
      if (isAlone && layer <= below && layer >= cutBefore && layer >= cutAfter) {
        states[node] = NodeState.unmodified;
        this.#shown[node] = at;
        shownSizes[node] = sizes[at] ?? 0;
        const isDirectory = ((kinds[at] ?? 0) & Kind.directory) !== 0;
        this.#cutsBefore[node] = isDirectory ? cutBefore : layer;
        this.#cutsAfter[node] = isDirectory ? cutAfter : layer;
        continue;
      }
      this.#mark(node, below, { cutBefore, cutAfter });
    }
  }

  #mark(node: number, below: number, cuts: { readonly cutBefore: number; readonly cutAfter: number }): void {
    const { from, to, states, sizes } = this.view;
    this.#resolver.resolve(node, below, cuts.cutBefore);
    const before = this.#resolver.standing;
    this.#cutsBefore[node] = this.#resolver.cut;
    this.#resolver.resolve(node, to, cuts.cutAfter);
    const after = this.#resolver.standing;
    this.#cutsAfter[node] = this.#resolver.cut;
    this.#range.scan(node, from, to);
    const state = stateOf(before, after, this.#range);
    states[node] = state;
    if (state === NodeState.absent) return;
    const at = after >= 0 ? after : this.#range.last >= 0 ? this.#range.last : before;
    this.#shown[node] = at;
    sizes[node] = this.#arrays.sizes[at] ?? 0;
  }
}

/** Two passes over all nodes, whatever the number of layers between. */
export function computeView(arrays: TreeArrays, from: number, to: number): TreeView {
  const marking = new Marking(arrays, from, to);
  marking.run();
  accumulate(arrays, marking.view);
  return marking.view;
}
