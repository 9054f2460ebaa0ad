import { rollPager } from "./pager.ts";
import { HELP_LINES } from "./help.ts";
import { paneAt } from "./layout.ts";
import { moveTo, scrollBy } from "./listPlace.ts";
import { IMAGE_HEAD, layerListSize, layoutOf, settle, showLayer, treeListSize, worstListSize } from "./state.ts";
import type { State } from "./state.ts";
import { toggleDirectory } from "./treeKeys.ts";

const WHEEL_ROWS = 3;
/** Rows that {@link paneAt} takes for a pane's head. */
const LIST_HEAD = 2;

function clickTree(state: State, row: number): State {
  const { cursor, top } = state.tree;
  const wanted = top + row;
  if (wanted >= state.rows.nodes.length) return state;
  // A second click opens and closes.
  if (wanted === cursor && state.focus === "tree") return toggleDirectory(state, state.rows.nodes[cursor] ?? 0);
  return { ...state, tree: moveTo(state.tree, wanted, treeListSize(state)) };
}

/** A press of the left button: chooses the pane, and the row. */
export function clickAt(state: State, column: number, row: number): State {
  if (state.overlay !== undefined) return state;
  const hit = paneAt(layoutOf(state), column, row);
  if (hit === undefined) return state;
  const chosen = choose({ ...state, message: undefined }, hit.pane, hit.row);
  const filter = chosen.filter === undefined ? undefined : { ...chosen.filter, isEditing: false };
  return settle({ ...chosen, filter, focus: hit.pane });
}

function choose(state: State, pane: string, row: number): State {
  if (pane === "tree") return row < 0 ? state : clickTree(state, row);
  if (pane === "layers") {
    const wanted = state.layers.top + row;
    return row < 0 || wanted >= state.image.layers.length ? state : showLayer(state, wanted, state.mode);
  }
  if (pane !== "image") return state;
  const inList = row + LIST_HEAD - IMAGE_HEAD;
  return inList < 0 ? state : { ...state, worst: moveTo(state.worst, state.worst.top + inList, worstListSize(state)) };
}

interface Roll {
  readonly action: "press" | "wheelUp" | "wheelDown";
  readonly column: number;
  readonly row: number;
}

/** The wheel moves what is below the pointer, whichever pane has the keyboard. */
export function rollAt(state: State, { action, column, row }: Roll, overlayHeight: number): State {
  const rows = action === "wheelUp" ? -WHEEL_ROWS : WHEEL_ROWS;
  const { overlay } = state;
  if (overlay?.kind === "pager") {
    return { ...state, overlay: { ...overlay, pager: rollPager(overlay.pager, rows, overlayHeight) } };
  }
  if (overlay?.kind === "help") {
    const size = { count: HELP_LINES.length, height: overlayHeight };
    return {
      ...state,
      overlay: { ...overlay, top: scrollBy({ cursor: overlay.top, top: overlay.top }, rows, size).top },
    };
  }
  const pane = paneAt(layoutOf(state), column, row)?.pane;
  if (pane === "tree") return { ...state, tree: scrollBy(state.tree, rows, treeListSize(state)) };
  if (pane === "image") return { ...state, worst: scrollBy(state.worst, rows, worstListSize(state)) };
  if (pane !== "layers") return state;
  const { top, cursor } = scrollBy(state.layers, rows, layerListSize(state));
  return showLayer({ ...state, layers: { ...state.layers, top } }, cursor, state.mode);
}
