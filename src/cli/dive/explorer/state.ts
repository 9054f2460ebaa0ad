import type { ImageScores, ImageTree, LayerEntry, TreeView } from "#analysis";
import type { TerminalTraits } from "../terminal/theme.ts";
import { listRows, rowOf } from "../tree/visibleRows.ts";
import type { SortOrder, VisibleRows } from "../tree/visibleRows.ts";
import { layOut, listHeight } from "./layout.ts";
import type { Area, Layout, Pane, ScreenSize } from "./layout.ts";
import { LIST_START, moveTo } from "./listPlace.ts";
import type { ListPlace, ListSize } from "./listPlace.ts";
import type { Pager } from "./pager.ts";
import type { TextInput } from "./textInput.ts";

/** What is known of a layer without its entries. */
export interface LayerFacts {
  /** Instruction or command that made it; several lines are possible. */
  readonly command: string;
  readonly diffId: string;
  /** Digest of the blob; undefined when the source has none. */
  readonly digest: string | undefined;
  /** Compressed bytes. */
  readonly blobBytes: number | undefined;
  readonly created: string | undefined;
  readonly comment: string | undefined;
}

/** The image that is explored. All of it stays as it is. */
export interface ImageFacts {
  readonly name: string;
  readonly imageId: string;
  readonly platform: string;
  readonly layers: readonly LayerFacts[];
  readonly tree: ImageTree;
  /** Bytes of the files of each layer. */
  readonly layerBytes: readonly number[];
  /** undefined: still being computed. */
  readonly scores: ImageScores | undefined;
}

/** One layer's own changes, or all since the base. */
export type CompareMode = "layer" | "aggregated";

/** What lies over the panes and has the keyboard. */
export type Overlay =
  | { readonly kind: "help"; readonly top: number }
  | { readonly kind: "pager"; readonly pager: Pager }
  /** Asks where to write what is extracted. */
  | { readonly kind: "destination"; readonly node: number; readonly input: TextInput }
  /** Something is there: may it be written over? */
  | { readonly kind: "overwrite"; readonly node: number; readonly destination: string };

export interface Filter {
  readonly input: TextInput;
  readonly isEditing: boolean;
  /** Which directories were closed before there was a filter. */
  readonly collapsedBefore: Uint8Array;
}

export interface Message {
  readonly text: string;
  readonly isError: boolean;
}

/** All that is on screen, as a value. */
export interface State {
  readonly image: ImageFacts;
  readonly traits: TerminalTraits;
  readonly size: ScreenSize;
  readonly focus: Pane;
  readonly mode: CompareMode;
  readonly layers: ListPlace;
  /** First line of the details that is shown. */
  readonly detailTop: number;
  readonly worst: ListPlace;
  readonly tree: ListPlace;
  readonly view: TreeView;
  readonly rows: VisibleRows;
  readonly matching: Uint8Array | undefined;
  readonly hidden: ReadonlySet<number>;
  readonly collapsed: Uint8Array;
  readonly order: SortOrder;
  /** undefined: shown where there is room. */
  readonly attributes: boolean | undefined;
  readonly filter: Filter | undefined;
  readonly overlay: Overlay | undefined;
  readonly message: Message | undefined;
}

/** Columns from which a tree has room for attributes unasked. */
const ROOM_FOR_ATTRIBUTES = 120;

export function showsAttributes({ attributes, size }: Pick<State, "attributes" | "size">): boolean {
  return attributes ?? size.columns >= ROOM_FOR_ATTRIBUTES;
}

/** The layout now; or the one in which another pane would have the keyboard. */
export function layoutOf(state: State, focus: Pane = state.focus): Layout {
  return layOut(state.size, {
    focus,
    layerCount: state.image.layers.length,
    hasFilter: state.filter !== undefined,
    attributes: showsAttributes(state),
  });
}

/** Where a pane is; on a narrow screen, where it will be: what it shows stays in place. */
const areaOf = (state: State, pane: Pane): Area | undefined =>
  layoutOf(state).panes[pane] ?? layoutOf(state, pane).panes[pane];

/** Title, name, size, waste, column names. */
export const IMAGE_HEAD = 5;

export const layerListSize = (state: State): ListSize => ({
  count: state.image.layers.length,
  height: listHeight(areaOf(state, "layers")),
});
export const treeListSize = (state: State): ListSize => ({
  count: state.rows.nodes.length,
  height: listHeight(areaOf(state, "tree")),
});
export const worstListSize = (state: State): ListSize => ({
  count: state.image.scores?.inefficiencies.length ?? 0,
  height: Math.max((areaOf(state, "image")?.height ?? 0) - IMAGE_HEAD, 1),
});

/** The node under the cursor; undefined when nothing is shown. */
export const nodeAtCursor = (state: State): number | undefined => state.rows.nodes[state.tree.cursor];

export function isDirectory(state: State, node: number): boolean {
  return state.view.entryOf(node)?.type === "directory" || state.image.tree.endOf(node) > node + 1;
}

/** The entry with the bytes of a node's file, and the layer that has them; undefined: it has none. */
export function fileOf(state: State, node: number): { readonly entry: LayerEntry; readonly layer: number } | undefined {
  const entry = state.view.entryOf(node);
  return entry?.type === "file" ? { entry, layer: state.view.layerOf(node) } : undefined;
}

function viewOf(image: ImageFacts, layer: number, mode: CompareMode): TreeView {
  // The base has nothing below it: all of it counts as unmodified, as dive shows it.
  if (layer === 0) return image.tree.view(1, 0);
  return image.tree.view(mode === "aggregated" ? 1 : layer, layer);
}

/** Keeps every list within what is there, after the size or the rows have changed. */
export function settle(state: State): State {
  const placed = {
    ...state,
    layers: moveTo(state.layers, state.layers.cursor, layerListSize(state)),
    worst: moveTo(state.worst, state.worst.cursor, worstListSize(state)),
  };
  return { ...placed, tree: moveTo(state.tree, state.tree.cursor, treeListSize(placed)) };
}

/** Lists the rows anew; the cursor stays on its node, or goes to the directory that it vanished into. */
export function refreshRows(state: State): State {
  const node = nodeAtCursor(state);
  const rows = listRows(state.image.tree, state.view, state);
  const cursor = node === undefined ? 0 : rowOf(state.image.tree, rows, node);
  // The row stays where it is on screen, when it can.
  const top = Math.max(cursor - (state.tree.cursor - state.tree.top), 0);
  return settle({ ...state, rows, tree: { cursor, top } });
}

/** Looks at the chosen layer anew: the tree has learned something. */
export function refreshView(state: State): State {
  return refreshRows({ ...state, view: viewOf(state.image, state.layers.cursor, state.mode) });
}

/** Goes to a layer and a way of comparing. */
export function showLayer(state: State, layer: number, mode: CompareMode): State {
  const layers = moveTo(state.layers, layer, layerListSize(state));
  const isSame = layers.cursor === state.layers.cursor && mode === state.mode;
  if (isSame) return { ...state, layers };
  const view = viewOf(state.image, layers.cursor, mode);
  const { cursor, top } = state.tree;
  const shown = refreshRows({ ...state, layers, mode, view, detailTop: 0 });
  // Who has not gone anywhere yet is shown each layer from its start.
  return cursor === 0 && top === 0 ? settle({ ...shown, tree: LIST_START }) : shown;
}

/** The first screen: the base layer, everything shown and open. */
export function openingState(image: ImageFacts, traits: TerminalTraits, size: ScreenSize): State {
  const view = viewOf(image, 0, "layer");
  const rules = {
    hidden: new Set<number>(),
    collapsed: new Uint8Array(image.tree.nodeCount),
    matching: undefined,
    order: "name",
  } as const;
  return settle({
    image,
    traits,
    size,
    focus: "layers",
    mode: "layer",
    layers: LIST_START,
    detailTop: 0,
    worst: LIST_START,
    tree: LIST_START,
    view,
    rows: listRows(image.tree, view, rules),
    ...rules,
    attributes: undefined,
    filter: undefined,
    overlay: undefined,
    message: undefined,
  });
}
