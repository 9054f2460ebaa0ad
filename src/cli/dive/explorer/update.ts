import type { InputEvent } from "../terminal/input.ts";
import { baseNameOf, toDisplayPath } from "#tar";
import type { Effect, Outcome } from "./effects.ts";
import { fileDetails } from "./details.ts";
import { clickAt, rollAt } from "./mouse.ts";
import { moveByKey } from "./listPlace.ts";
import { openBytes, openText, scrollText, turnPager } from "./pager.ts";
import { HELP_LINES } from "./help.ts";
import type { Pane, ScreenSize } from "./layout.ts";
import { startFilter, updateFilter } from "./filterKeys.ts";
import {
  isDirectory,
  layerListSize,
  layoutOf,
  refreshView,
  nodeAtCursor,
  settle,
  showLayer,
  worstListSize,
} from "./state.ts";
import type { State } from "./state.ts";
import { editText, insertText, textInput } from "./textInput.ts";
import { revealPath, updateTree } from "./treeKeys.ts";

export type ExplorerEvent = InputEvent | Outcome | ({ readonly kind: "resize" } & ScreenSize);

/** The next state, and what is to be done for it. */
export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

const to = (state: State, ...effects: readonly Effect[]): Step => ({ state, effects });

const LIGHT_FROM = 0.5;
const NEXT_PANE: Readonly<Record<Pane, Pane>> = { layers: "tree", details: "tree", image: "tree", tree: "layers" };
const LEFT_PANES: readonly Pane[] = ["layers", "details", "image"];

/** Rows of the overlay that covers the screen, below its title and above the status. */
export const overlayHeight = (state: State): number => Math.max(state.size.rows - 2, 1);

function turn(pane: Pane, step: number): Pane {
  const at = LEFT_PANES.indexOf(pane);
  return LEFT_PANES[(at + step + LEFT_PANES.length) % LEFT_PANES.length] ?? "layers";
}

function updateLeftPanes(state: State, key: string): State | undefined {
  if (key === "left" || key === "h") return { ...state, focus: turn(state.focus, -1) };
  if (key === "right" || key === "l") return { ...state, focus: turn(state.focus, 1) };
  if (state.focus === "details") {
    const size = { count: fileDetails(state).length, height: (layoutOf(state).panes.details?.height ?? 1) - 1 };
    const top = scrollText(state.detailTop, key, size);
    return top === undefined ? undefined : { ...state, detailTop: top };
  }
  if (state.focus === "image") {
    if (key === "enter") {
      const worst = state.image.scores?.inefficiencies[state.worst.cursor];
      return worst === undefined ? state : revealPath(state, worst.path);
    }
    const worst = moveByKey(state.worst, key, worstListSize(state));
    return worst === undefined ? undefined : { ...state, worst };
  }
  if (key === "enter") return { ...state, focus: "tree" };
  const layers = moveByKey(state.layers, key, layerListSize(state));
  return layers === undefined ? undefined : showLayer(state, layers.cursor, state.mode);
}

function updateLayerMode(state: State, key: string): State | undefined {
  if (key === "ctrl+l" || key === "L") return showLayer(state, state.layers.cursor, "layer");
  if (key === "ctrl+a" || key === "A") return showLayer(state, state.layers.cursor, "aggregated");
  return undefined;
}

function askDestination(state: State, node: number): State {
  const name = toDisplayPath(baseNameOf(state.image.tree.pathOf(node)));
  return { ...state, overlay: { kind: "destination", node, input: textInput(`./${name}`) } };
}

/** Keys that mean the same in every pane. */
function updateAnywhere(state: State, key: string): Step | undefined {
  switch (key) {
    case "q":
      return to(state, { kind: "quit" });
    case "tab":
      return to(settle({ ...state, focus: NEXT_PANE[state.focus], detailTop: 0 }));
    case "shift+tab":
      return to(settle({ ...state, focus: state.focus === "layers" ? "image" : turn(state.focus, -1), detailTop: 0 }));
    case "?":
    case "f1":
      return to({ ...state, overlay: { kind: "help", top: 0 } });
    case "/":
    case "ctrl+f":
    case "ctrl+/":
      return to(startFilter(state));
    case "escape":
      return to(state.filter === undefined ? state : updateFilter(state, "escape", undefined));
    case "i":
      return to({
        ...state,
        overlay: {
          kind: "pager",
          pager: openText(
            "Details",
            fileDetails(state).map(({ label, value }) => (label === "" ? `  ${value}` : `${label}: ${value}`)),
          ),
        },
      });
    default:
      return undefined;
  }
}

function updateTreeActions(state: State, key: string): Step | undefined {
  const node = nodeAtCursor(state);
  if (node === undefined) return undefined;
  if (key === "e" || key === "ctrl+e") return to(askDestination(state, node));
  if ((key === "enter" || key === "v") && !isDirectory(state, node)) return to(state, { kind: "view", node });
  return undefined;
}

function updatePanes(state: State, key: string): Step {
  const known = updateAnywhere(state, key);
  if (known !== undefined) return known;
  if (state.focus !== "tree") return to(updateLeftPanes(state, key) ?? updateLayerMode(state, key) ?? state);
  return (
    updateTreeActions(state, key) ??
    to(updateTree(state, key) ?? (key === "ctrl+l" ? updateLayerMode(state, key) : undefined) ?? state)
  );
}

/** Keys while something lies over the panes. */
function updateOverlay(state: State, key: string, text: string | undefined): Step {
  const { overlay } = state;
  const closed = { ...state, overlay: undefined };
  switch (overlay?.kind) {
    case "help": {
      const top = scrollText(overlay.top, key, { count: HELP_LINES.length, height: overlayHeight(state) });
      if (top !== undefined) return to({ ...state, overlay: { ...overlay, top } });
      return to(["escape", "q", "?", "f1"].includes(key) ? closed : state);
    }
    case "pager": {
      const pager = turnPager(overlay.pager, key, overlayHeight(state));
      if (pager !== undefined) return to({ ...state, overlay: { ...overlay, pager } });
      return to(["escape", "q", "backspace", "i", "v"].includes(key) ? closed : state);
    }
    case "destination": {
      if (key === "escape") return to(closed);
      if (key === "enter") {
        const { node, input } = overlay;
        if (input.text.trim() === "") return to(closed);
        return to(closed, { kind: "extract", node, destination: input.text, mayOverwrite: false });
      }
      const input = editText(overlay.input, key, text) ?? overlay.input;
      return to({ ...state, overlay: { ...overlay, input } });
    }
    case "overwrite": {
      const { node, destination } = overlay;
      if (key !== "y" && key !== "Y") return to({ ...closed, message: { text: "Not extracted", isError: false } });
      return to(closed, { kind: "extract", node, destination, mayOverwrite: true });
    }
    case undefined:
      return to(state);
  }
}

function updateKey(before: State, key: string, text: string | undefined): Step {
  if (key === "ctrl+c") return to(before, { kind: "quit" });
  if (key === "ctrl+z") return to(before, { kind: "suspend" });
  const state = { ...before, message: undefined };
  if (state.overlay !== undefined) return updateOverlay(state, key, text);
  if (state.filter?.isEditing === true) return to(updateFilter(state, key, text));
  return updatePanes(state, key);
}

function updatePaste(state: State, text: string): State {
  if (state.overlay?.kind === "destination") {
    return { ...state, overlay: { ...state.overlay, input: insertText(state.overlay.input, text) } };
  }
  return state.filter?.isEditing === true ? updateFilter(state, "paste", text) : state;
}

/** The state after an event. Pure: all that happens outside is in the effects. */
export function update(state: State, event: ExplorerEvent): Step {
  const step = updateBy(state, event);
  // Another pane, a filter or attributes move the others: every cursor stays in sight.
  return step.state === state ? step : { ...step, state: settle(step.state) };
}

function updateBy(state: State, event: ExplorerEvent): Step {
  switch (event.kind) {
    case "key":
      return updateKey(state, event.key, event.text);
    case "mouse":
      if (event.action === "press") return to(clickAt(state, event.column, event.row));
      return to(rollAt(state, event, overlayHeight(state)));
    case "paste":
      return to(updatePaste(state, event.text));
    case "background":
      return to({ ...state, traits: { ...state.traits, isLight: event.lightness >= LIGHT_FROM } });
    case "resize":
      return to(settle({ ...state, size: { columns: event.columns, rows: event.rows } }));
    case "opened":
      return to({ ...state, overlay: { kind: "pager", pager: openBytes(event.title, event.bytes, event.note) } });
    case "scored":
      return to(settle({ ...state, image: { ...state.image, scores: event.scores } }));
    case "settled":
      return to(refreshView(state));
    case "said":
      return to({ ...state, message: { text: event.text, isError: event.isError } });
    case "exists":
      return to({ ...state, overlay: { kind: "overwrite", node: event.node, destination: event.destination } });
  }
}
