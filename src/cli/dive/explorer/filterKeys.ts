import { matchPaths } from "../tree/pathFilter.ts";
import { nodeAtCursor, refreshRows, settle } from "./state.ts";
import type { State } from "./state.ts";
import { editText, insertText, textInput } from "./textInput.ts";
import type { TextInput } from "./textInput.ts";

/** Opens the line of the filter, or goes back to it. */
export function startFilter(state: State): State {
  const { collapsed } = state;
  const filter = state.filter ?? { input: textInput(""), isEditing: true, collapsedBefore: collapsed };
  return settle({ ...state, focus: "tree", filter: { ...filter, isEditing: true } });
}

function closeFilter(state: State): State {
  const { filter } = state;
  if (filter === undefined) return state;
  const collapsed = filter.collapsedBefore.slice();
  // Where one stands now stays to be seen.
  for (let node = nodeAtCursor(state) ?? 0; node !== 0; ) {
    node = state.image.tree.parentOf(node);
    collapsed[node] = 0;
  }
  return refreshRows({ ...state, filter: undefined, matching: undefined, collapsed });
}

/** Moves the cursor to the first row that matches by itself, so that typing leads somewhere. */
function toFirstMatch(state: State): State {
  const { rows, matching } = state;
  if (matching === undefined) return state;
  const row = rows.nodes.findIndex((node) => matching[node] === 1);
  return row < 0 ? state : settle({ ...state, tree: { cursor: row, top: state.tree.top } });
}

function applyFilter(state: State, input: TextInput): State {
  const { filter } = state;
  if (filter === undefined) return state;
  const next = { ...state, filter: { ...filter, input } };
  if (input.text === filter.input.text) return next;
  const matching = input.text.trim() === "" ? undefined : matchPaths(state.image.tree, input.text);
  // What is found is shown, whatever was closed.
  const collapsed = matching === undefined ? filter.collapsedBefore : new Uint8Array(state.image.tree.nodeCount);
  return toFirstMatch(refreshRows({ ...next, matching, collapsed }));
}

/** A key in the filter's line. */
export function updateFilter(state: State, key: string, text: string | undefined): State {
  const { filter } = state;
  if (filter === undefined) return state;
  if (key === "escape" || key === "ctrl+f" || key === "ctrl+/") return closeFilter(state);
  if (key === "paste") return applyFilter(state, insertText(filter.input, text ?? ""));
  if (["enter", "tab", "up", "down", "pageUp", "pageDown"].includes(key)) {
    if (filter.input.text.trim() === "") return closeFilter(state);
    return { ...state, filter: { ...filter, isEditing: false } };
  }
  const input = editText(filter.input, key, text);
  return input === undefined ? state : applyFilter(state, input);
}
