import { NodeState } from "#analysis";
import type { ImageTree, TreeView } from "#analysis";

export type SortOrder = "name" | "size";

/** What decides which nodes have a row. */
export interface RowRules {
  /** States of nodes that are not shown. */
  readonly hidden: ReadonlySet<number>;
  /** 1: the directory is closed. */
  readonly collapsed: Uint8Array;
  /** 1: matches the filter; undefined: no filter. */
  readonly matching: Uint8Array | undefined;
  readonly order: SortOrder;
}

/** Nodes with a row, from the top; `isLast[node]` is 1 for the last shown one of its siblings. */
export interface VisibleRows {
  readonly nodes: Int32Array;
  readonly isLast: Uint8Array;
}

/** 1 for what is shown: by itself, or for something that lies in it. */
function keepNodes(tree: ImageTree, view: TreeView, rules: RowRules): Uint8Array {
  const keep = new Uint8Array(tree.nodeCount);
  for (let node = tree.nodeCount - 1; node > 0; node -= 1) {
    const state = view.states[node] ?? NodeState.absent;
    if (state === NodeState.absent) continue;
    if (!rules.hidden.has(state) && rules.matching?.[node] !== 0) keep[node] = 1;
    if (keep[node] === 1) keep[tree.parentOf(node)] = 1;
  }
  return keep;
}

class RowList {
  readonly #tree: ImageTree;
  readonly #keep: Uint8Array;
  readonly #collapsed: Uint8Array;
  readonly nodes: Int32Array;
  length = 0;

  constructor(tree: ImageTree, keep: Uint8Array, collapsed: Uint8Array) {
    this.#tree = tree;
    this.#keep = keep;
    this.#collapsed = collapsed;
    this.nodes = new Int32Array(tree.nodeCount);
  }

  byName(): void {
    for (let node = 1; node < this.#tree.nodeCount; ) {
      const isShown = this.#keep[node] === 1;
      if (isShown) this.#push(node);
      node = isShown && this.#collapsed[node] !== 1 ? node + 1 : this.#tree.endOf(node);
    }
  }

  bySize(sizes: Float64Array, parent: number): void {
    const children = this.#tree.childrenOf(parent).filter((child) => this.#keep[child] === 1);
    children.sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b);
    for (const child of children) {
      this.#push(child);
      if (this.#collapsed[child] !== 1) this.bySize(sizes, child);
    }
  }

  #push(node: number): void {
    this.nodes[this.length] = node;
    this.length += 1;
  }
}

/** From the bottom up: the first one of a parent is the last of its siblings. */
function lastOnes(tree: ImageTree, nodes: Int32Array): Uint8Array {
  const isLast = new Uint8Array(tree.nodeCount);
  const hasChild = new Uint8Array(tree.nodeCount);
  for (let row = nodes.length - 1; row >= 0; row -= 1) {
    const node = nodes[row] ?? 0;
    const parent = tree.parentOf(node);
    if (hasChild[parent] === 1) continue;
    hasChild[parent] = 1;
    isLast[node] = 1;
  }
  return isLast;
}

/** The rows of a tree as the rules show it. Linear in the size of the tree. */
export function listRows(tree: ImageTree, view: TreeView, rules: RowRules): VisibleRows {
  const list = new RowList(tree, keepNodes(tree, view, rules), rules.collapsed);
  if (rules.order === "size") list.bySize(view.sizes, 0);
  else list.byName();
  const nodes = list.nodes.slice(0, list.length);
  return { nodes, isLast: lastOnes(tree, nodes) };
}

/** The row of a node, else of the nearest directory above it that has one; 0 when there is none. */
export function rowOf(tree: ImageTree, rows: VisibleRows, node: number): number {
  for (let at = node; at !== 0; at = tree.parentOf(at)) {
    const row = rows.nodes.indexOf(at);
    if (row >= 0) return row;
  }
  return 0;
}
