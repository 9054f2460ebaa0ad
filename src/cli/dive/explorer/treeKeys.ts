import { NodeState } from "#analysis";
import { moveByKey, moveTo } from "./listPlace.ts";
import { isDirectory, nodeAtCursor, refreshRows, settle, showLayer, showsAttributes, treeListSize } from "./state.ts";
import type { State } from "./state.ts";

/** Ctrl+M is Enter to most terminals: capitals do the same everywhere. */
const TOGGLES: Readonly<Record<string, number>> = {
  "ctrl+a": NodeState.added,
  A: NodeState.added,
  "ctrl+r": NodeState.removed,
  R: NodeState.removed,
  "ctrl+m": NodeState.modified,
  M: NodeState.modified,
  "ctrl+u": NodeState.unmodified,
  U: NodeState.unmodified,
};

function toggleHidden(state: State, nodeState: number): State {
  const hidden = new Set(state.hidden);
  if (!hidden.delete(nodeState)) hidden.add(nodeState);
  return refreshRows({ ...state, hidden });
}

function setCollapsed(state: State, node: number, isClosed: boolean): State {
  const collapsed = state.collapsed.slice();
  collapsed[node] = isClosed ? 1 : 0;
  return refreshRows({ ...state, collapsed });
}

/** Opens a directory that is closed, and the other way round. */
export function toggleDirectory(state: State, node: number): State {
  return isDirectory(state, node) ? setCollapsed(state, node, state.collapsed[node] !== 1) : state;
}

/** Closes every directory; when one at the top is closed already, opens all. */
function toggleAll(state: State): State {
  const { tree } = state.image;
  const isClosed = tree.childrenOf(0).some((node) => state.collapsed[node] === 1);
  return refreshRows({ ...state, collapsed: new Uint8Array(tree.nodeCount).fill(isClosed ? 0 : 1) });
}

function goTo(state: State, node: number): State {
  const row = state.rows.nodes.indexOf(node);
  return row < 0 ? state : { ...state, tree: moveTo(state.tree, row, treeListSize(state)) };
}

/** To the directory that it lies in. */
function goOut(state: State, node: number): State {
  const parent = state.image.tree.parentOf(node);
  return parent === 0 ? state : goTo(state, parent);
}

/** Into a directory, which is opened for it. */
function goIn(state: State, node: number): State {
  if (!isDirectory(state, node)) return state;
  const opened = state.collapsed[node] === 1 ? setCollapsed(state, node, false) : state;
  const next = opened.rows.nodes[opened.tree.cursor + 1];
  return next !== undefined && opened.image.tree.parentOf(next) === node ? goTo(opened, next) : opened;
}

/** Goes to a path in the last layer's tree, whatever hides it now. */
export function revealPath(state: State, path: string): State {
  const { tree } = state.image;
  const node = tree.find(path.replace(/^\//, ""));
  if (node === undefined) return state;
  const collapsed = state.collapsed.slice();
  for (let above = tree.parentOf(node); above !== 0; above = tree.parentOf(above)) collapsed[above] = 0;
  const shown = { ...state, collapsed, hidden: new Set<number>(), filter: undefined, matching: undefined };
  // The layer that is chosen may not know the path: the top one, compared with the base, does.
  const isKnown = shown.view.stateOf(node) !== NodeState.absent;
  const layered = isKnown ? shown : showLayer(shown, shown.image.layers.length - 1, "aggregated");
  return goTo(settle({ ...refreshRows(layered), focus: "tree" }), node);
}

/** A key in the tree; undefined when it means nothing there. */
export function updateTree(state: State, key: string): State | undefined {
  const moved = moveByKey(state.tree, key, treeListSize(state));
  if (moved !== undefined) return { ...state, tree: moved, detailTop: 0 };
  const toggle = TOGGLES[key];
  if (toggle !== undefined) return toggleHidden(state, toggle);
  const node = nodeAtCursor(state);
  switch (key) {
    case "ctrl+space":
      return toggleAll(state);
    case "ctrl+b":
      return settle({ ...state, attributes: !showsAttributes(state) });
    case "ctrl+o":
    case "o":
      return refreshRows({ ...state, order: state.order === "name" ? "size" : "name" });
    case "space":
    case "enter":
      return node === undefined ? state : toggleDirectory(state, node);
    case "left":
    case "h":
      return node === undefined ? state : goOut(state, node);
    case "right":
    case "l":
      return node === undefined ? state : goIn(state, node);
    default:
      return undefined;
  }
}
