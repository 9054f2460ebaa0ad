import type { ImageTree } from "./imageTree.ts";
import { Kind } from "./treeArrays.ts";

/**
 * dive's stacked tree: what layers leave behind when each is laid on the one before. It differs from the real thing
 * where dive does: a name keeps what is in it whatever takes its place, opaque directories hide nothing, a directory
 * that a layer only implies is no longer one.
 */
export class DiveStack {
  readonly #tree: ImageTree;
  readonly #present: Uint8Array;
  readonly #isDirectory: Uint8Array;
  readonly #sizes: Float64Array;

  constructor(tree: ImageTree) {
    this.#tree = tree;
    this.#present = new Uint8Array(tree.nodeCount);
    this.#isDirectory = new Uint8Array(tree.nodeCount);
    this.#sizes = new Float64Array(tree.nodeCount);
    this.#present[0] = 1;
  }

  /** Lays one occurrence on; whiteouts come later, by {@link removeWhiteouts}. */
  put(node: number, at: number): void {
    const kind = this.#tree.arrays.kinds[at] ?? 0;
    if ((kind & Kind.whiteout) !== 0) return;
    this.#present[node] = 1;
    this.#isDirectory[node] = (kind & (Kind.directory | Kind.implied)) === Kind.directory ? 1 : 0;
    this.#sizes[node] = this.#tree.arrays.sizes[at] ?? 0;
  }

  /** Takes away what the whiteouts among a layer's occurrences name. */
  removeWhiteouts(occurrences: Int32Array, nodes: Int32Array): void {
    for (const at of occurrences) {
      if (((this.#tree.arrays.kinds[at] ?? 0) & Kind.whiteout) === 0) continue;
      const node = nodes[at] ?? 0;
      this.#present.fill(0, node, this.#tree.endOf(node));
      this.#sizes.fill(0, node, this.#tree.endOf(node));
    }
  }

  /** Bytes that a whiteout of this path hides; undefined when the path is not there. */
  bytesHiddenBy(node: number): number | undefined {
    if (this.#present[node] === 0) return undefined;
    if (this.#isDirectory[node] === 0) return 0;
    let bytes = 0;
    for (let at = node; at < this.#tree.endOf(node); at++) bytes += this.#sizes[at] ?? 0;
    return bytes;
  }
}
