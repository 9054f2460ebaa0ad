import { LEAST_SIZE } from "../explorer/layout.ts";
import type { Area, Pane } from "../explorer/layout.ts";
import { layoutOf } from "../explorer/state.ts";
import type { State } from "../explorer/state.ts";
import { span } from "../terminal/line.ts";
import type { Line } from "../terminal/line.ts";
import type { Frame } from "../terminal/painter.ts";
import { displayWidth, printable } from "../terminal/textWidth.ts";
import { Canvas } from "./canvas.ts";
import { glyphsOf } from "./glyphs.ts";
import type { Glyphs } from "./glyphs.ts";
import { helpLines, pagerLines } from "./overlays.ts";
import { detailsPane, imagePane, layersPane } from "./panes.ts";
import { statusLine } from "./statusLine.ts";
import { treePane } from "./treePane.ts";

type PaneLines = (state: State, area: Area, glyphs: Glyphs) => readonly Line[];

/** From left to right, as the canvas is filled. */
const PANES: readonly (readonly [Pane, PaneLines])[] = [
  ["layers", layersPane],
  ["details", detailsPane],
  ["image", imagePane],
];

const FILTER_LABEL = "Filter: ";

function putFilter(canvas: Canvas, state: State, row: number): Frame["cursor"] {
  const { filter } = state;
  if (filter === undefined) return undefined;
  const { text, at } = filter.input;
  const place = { left: 0, row, width: state.size.columns };
  canvas.putRow(place, [span(FILTER_LABEL, "label"), span(printable(text), filter.isEditing ? "plain" : "faint")]);
  const column = displayWidth(FILTER_LABEL) + displayWidth(printable(text.slice(0, at)));
  return filter.isEditing ? { row, column: Math.min(column, state.size.columns - 1) } : undefined;
}

function putPanes(canvas: Canvas, state: State, glyphs: Glyphs): Frame["cursor"] {
  const { panes, divider, filterRow } = layoutOf(state);
  for (const [pane, lines] of PANES) {
    const area = panes[pane];
    if (area !== undefined) canvas.put(area, lines(state, area, glyphs));
  }
  if (panes.tree !== undefined) {
    if (divider !== undefined) {
      const { height } = panes.tree;
      const lines = Array.from({ length: height }, () => [span(glyphs.divider, "faint")]);
      canvas.put({ left: divider, top: 0, width: 1, height }, lines);
    }
    canvas.put(panes.tree, treePane(state, panes.tree, glyphs));
  }
  return filterRow === undefined ? undefined : putFilter(canvas, state, filterRow);
}

function tooSmall({ size }: State): Frame {
  const lines = Array.from({ length: size.rows }, (): Line => []);
  const canvas = new Canvas(size, "", true);
  canvas.put({ left: 0, top: 0, width: size.columns, height: size.rows }, [
    [span("Terminal too small:")],
    [span(`${LEAST_SIZE.columns}x${LEAST_SIZE.rows} are needed`)],
    ...lines,
  ]);
  return { lines: canvas.lines(), cursor: undefined };
}

/** The whole screen for a state. Pure; costs what is on screen, whatever the size of the image. */
export function render(state: State): Frame {
  const { columns, rows } = state.size;
  if (columns < LEAST_SIZE.columns || rows < LEAST_SIZE.rows) return tooSmall(state);
  const glyphs = glyphsOf(state.traits.isUnicode);
  const canvas = new Canvas(state.size, glyphs.more, state.traits.isUnicode);
  const room = { width: columns, height: rows - 1 };
  const whole = { left: 0, top: 0, ...room };
  const { overlay } = state;
  let cursor: Frame["cursor"];
  if (overlay?.kind === "help") canvas.put(whole, helpLines(overlay.top, room, glyphs));
  else if (overlay?.kind === "pager") canvas.put(whole, pagerLines(overlay.pager, room, glyphs));
  else cursor = putPanes(canvas, state, glyphs);
  const { line, before } = statusLine(state);
  canvas.putRow({ left: 0, row: rows - 1, width: columns }, line);
  const asked = before === undefined ? cursor : { row: rows - 1, column: Math.min(displayWidth(before), columns - 1) };
  return { lines: canvas.lines(), cursor: asked };
}
