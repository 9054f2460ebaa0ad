import { DiveStack } from "./diveStack.ts";
import type { ImageTree } from "./imageTree.ts";
import { Kind } from "./treeArrays.ts";

/** A path that more than one layer names. */
export interface Inefficiency {
  /** Clean, latin1, without leading "/". */
  readonly path: string;
  /** How many layers name it, whiteouts counted. */
  readonly count: number;
  /** All its copies together, the last one too. */
  readonly bytes: number;
}

/** What dive says of an image, by dive's own definitions. */
export interface ImageScores {
  /** 0…1: bytes if every path were stored once at its smallest, by bytes stored. 1 for no bytes. */
  readonly efficiency: number;
  /** Bytes of all files of all layers. */
  readonly sizeBytes: number;
  /** The same without the base layer. */
  readonly userBytes: number;
  /** Sum over {@link inefficiencies}. */
  readonly wastedBytes: number;
  /** wastedBytes / userBytes; NaN for 0/0 and Infinity for x/0, as dive computes it. */
  readonly userWastedRatio: number;
  /** Of each layer, base first. */
  readonly layerBytes: readonly number[];
  /** Most bytes first. */
  readonly inefficiencies: readonly Inefficiency[];
}

/** Sums by node of the tree. */
class Tally {
  readonly bytes: Float64Array;
  /** -1: met, never measured (dive counts it so). */
  readonly least: Float64Array;
  readonly counts: Int32Array;
  readonly met: Uint8Array;
  /** Nodes in the order in which they were met a second time. */
  readonly repeated: number[] = [];

  constructor(nodes: number) {
    this.bytes = new Float64Array(nodes);
    this.least = new Float64Array(nodes).fill(-1);
    this.counts = new Int32Array(nodes);
    this.met = new Uint8Array(nodes);
  }

  add(node: number, bytes: number): void {
    this.bytes[node] = (this.bytes[node] ?? 0) + bytes;
    const least = this.least[node] ?? -1;
    if (least < 0 || bytes < least) this.least[node] = bytes;
    const count = (this.counts[node] ?? 0) + 1;
    this.counts[node] = count;
    if (count === 2) this.repeated.push(node);
  }

  efficiency(): number {
    let least = 0;
    let bytes = 0;
    for (let node = 0; node < this.met.length; node++) {
      if (this.met[node] === 0) continue;
      least += this.least[node] ?? 0;
      bytes += this.bytes[node] ?? 0;
    }
    return bytes === 0 ? 1 : least / bytes;
  }
}

/** Occurrences of each layer, in preorder: dive's own order but for whiteouts. */
function occurrencesByLayer(tree: ImageTree): { readonly nodes: Int32Array; readonly byLayer: readonly Int32Array[] } {
  const { starts, layers, nodeCount, layerCount, entries } = tree.arrays;
  const counts = new Int32Array(layerCount);
  for (const layer of layers) counts[layer] = (counts[layer] ?? 0) + 1;
  const byLayer = Array.from(counts, (count) => new Int32Array(count));
  const nodes = new Int32Array(entries.length);
  counts.fill(0);
  for (let node = 0; node < nodeCount; node++) {
    for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) {
      const layer = layers[at] ?? 0;
      const next = counts[layer] ?? 0;
      const list = byLayer[layer];
      if (list !== undefined) list[next] = at;
      counts[layer] = next + 1;
      nodes[at] = node;
    }
  }
  return { nodes, byLayer };
}

/**
 * Sort keys that give dive's walk: names of one directory by their bytes, a whiteout under its name in the tar. No name
 * holds a NUL, so it stands for the end of a name.
 */
function inWalkOrder(tree: ImageTree, nodes: Int32Array, leaves: readonly number[]): readonly number[] {
  const { kinds } = tree.arrays;
  const keyed = leaves.map((at) => {
    const path = tree.pathOf(nodes[at] ?? 0);
    const slash = path.lastIndexOf("/") + 1;
    const isWhiteout = ((kinds[at] ?? 0) & Kind.whiteout) !== 0;
    const named = isWhiteout ? `${path.slice(0, slash)}.wh.${path.slice(slash)}` : path;
    return { at, key: `${named.replaceAll("/", "\0")}\0` };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ at }) => at);
}

/** One pass over the layers: dive's `Efficiency`. */
class Scorer {
  readonly tally: Tally;
  readonly layerBytes: number[] = [];
  readonly #tree: ImageTree;
  readonly #stack: DiveStack;
  readonly #nodes: Int32Array;
  readonly #byLayer: readonly Int32Array[];
  /** By node: the layer (+ 1) in which it was last seen to hold something. */
  readonly #parentOfLayer: Int32Array;

  constructor(tree: ImageTree) {
    this.#tree = tree;
    this.tally = new Tally(tree.nodeCount);
    this.#stack = new DiveStack(tree);
    this.#parentOfLayer = new Int32Array(tree.nodeCount);
    const { nodes, byLayer } = occurrencesByLayer(tree);
    this.#nodes = nodes;
    this.#byLayer = byLayer;
  }

  run(): void {
    const needed = this.#lastLayerWithWhiteout();
    for (const [layer, occurrences] of this.#byLayer.entries()) {
      this.#scoreLayer(layer, occurrences);
      if (layer < needed) for (const at of occurrences) this.#stack.put(this.#nodes[at] ?? 0, at);
      if (layer < needed) this.#stack.removeWhiteouts(occurrences, this.#nodes);
    }
  }

  #lastLayerWithWhiteout(): number {
    const { kinds, layers } = this.#tree.arrays;
    let last = -1;
    for (let at = 0; at < kinds.length; at++) {
      if (((kinds[at] ?? 0) & Kind.whiteout) !== 0) last = Math.max(last, layers[at] ?? 0);
    }
    return last;
  }

  #scoreLayer(layer: number, occurrences: Int32Array): void {
    const { sizes, kinds } = this.#tree.arrays;
    let bytes = 0;
    let hasWhiteouts = false;
    for (const at of occurrences) {
      bytes += sizes[at] ?? 0;
      hasWhiteouts ||= ((kinds[at] ?? 0) & Kind.whiteout) !== 0;
      this.#parentOfLayer[this.#tree.parentOf(this.#nodes[at] ?? 0)] = layer + 1;
    }
    this.layerBytes.push(bytes);
    const leaves: number[] = [];
    for (const at of occurrences) if (this.#parentOfLayer[this.#nodes[at] ?? 0] !== layer + 1) leaves.push(at);
    this.#scoreLeaves(hasWhiteouts ? inWalkOrder(this.#tree, this.#nodes, leaves) : leaves);
  }

  #scoreLeaves(leaves: readonly number[]): void {
    const { sizes, kinds } = this.#tree.arrays;
    for (const at of leaves) {
      const node = this.#nodes[at] ?? 0;
      this.tally.met[node] = 1;
      if (((kinds[at] ?? 0) & Kind.whiteout) === 0) {
        this.tally.add(node, sizes[at] ?? 0);
        continue;
      }
      const hidden = this.#stack.bytesHiddenBy(node);
      // dive gives up on a layer at the first whiteout of something that is not there: so do its scores.
      if (hidden === undefined) return;
      this.tally.add(node, hidden);
    }
  }
}

/**
 * Scores an image as dive 0.13 does: every path that is a leaf of a layer's own tree counts with its bytes; hard links
 * with 0; the whiteout of a directory with all that the layers below hold in it, of anything else with 0; opaque
 * directories hide nothing.
 */
export function scoreImage(tree: ImageTree): ImageScores {
  const scorer = new Scorer(tree);
  scorer.run();
  const { tally, layerBytes } = scorer;
  const found = tally.repeated.map((node) => ({
    path: tree.pathOf(node),
    count: tally.counts[node] ?? 0,
    bytes: tally.bytes[node] ?? 0,
  }));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const wastedBytes = sum(found.map((item) => item.bytes));
  const userBytes = sum(layerBytes.slice(1));
  return {
    efficiency: tally.efficiency(),
    sizeBytes: sum(layerBytes),
    userBytes,
    wastedBytes,
    userWastedRatio: wastedBytes / userBytes,
    layerBytes,
    // Equals: the one met last first, as dive prints up to twelve of them (beyond, its sort is not stable).
    inefficiencies: found.toSorted((a, b) => a.bytes - b.bytes).reverse(),
  };
}
