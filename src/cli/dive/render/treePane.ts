import { NodeState } from "#analysis";
import type { LayerEntry } from "#analysis";
import { toDisplayPath } from "#tar";
import type { Area } from "../explorer/layout.ts";
import { isDirectory, showsAttributes } from "../explorer/state.ts";
import type { State } from "../explorer/state.ts";
import { bytesText, modeText } from "../explorer/words.ts";
import { column, fitLine, highlight, span } from "../terminal/line.ts";
import type { Line } from "../terminal/line.ts";
import { printable } from "../terminal/textWidth.ts";
import type { StyleName } from "../terminal/theme.ts";
import type { Glyphs } from "./glyphs.ts";
import { cursorOf, titleLine } from "./panes.ts";

const MARKS: Readonly<Record<number, readonly [mark: string, style: StyleName]>> = {
  [NodeState.added]: ["+", "added"],
  [NodeState.removed]: ["-", "removed"],
  [NodeState.modified]: ["~", "modified"],
};
const UNMARKED: readonly [string, StyleName] = [" ", "plain"];

const MODE_COLUMNS = 10;
const OWNER_COLUMNS = 11;
const SIZE_COLUMNS = 8;
const ATTRIBUTES_HEAD: string = `${column("Mode", MODE_COLUMNS)} ${column("UID:GID", OWNER_COLUMNS, true)} ${column("Size", SIZE_COLUMNS, true)}  `;

function attributes(state: State, node: number): string {
  const entry = state.view.entryOf(node);
  const mode = entry === undefined ? "" : modeText(entry);
  const owner = entry === undefined ? "" : `${entry.uid}:${entry.gid}`;
  const size = bytesText(state.view.sizes[node] ?? 0);
  return `${column(mode, MODE_COLUMNS)} ${column(owner, OWNER_COLUMNS, true)} ${column(size, SIZE_COLUMNS, true)}  `;
}

/** The lines from the directories above, then the own branch. */
function branches(state: State, node: number, glyphs: Glyphs): string {
  const { tree } = state.image;
  const { isLast } = state.rows;
  let above = "";
  for (let at = tree.parentOf(node); at !== 0; at = tree.parentOf(at)) {
    above = (isLast[at] === 1 ? "    " : glyphs.through) + above;
  }
  const own = isLast[node] === 1 ? glyphs.lastBranch : glyphs.branch;
  const isClosed = state.collapsed[node] === 1 && isDirectory(state, node);
  return above + own + (isClosed ? glyphs.closed : isDirectory(state, node) ? glyphs.open : glyphs.leaf);
}

function targetText(entry: LayerEntry | undefined, glyphs: Glyphs): string {
  if (entry?.target === undefined) return "";
  const target = printable(toDisplayPath(entry.target));
  return entry.hardLink === true ? `${glyphs.hardLink}/${target}` : glyphs.link + target;
}

function nameStyle(state: State, node: number, style: StyleName): StyleName {
  if (style !== "plain") return style;
  if (isDirectory(state, node)) return "directory";
  return state.view.entryOf(node)?.type === "symlink" ? "link" : "plain";
}

function treeLine(state: State, row: number, width: number, glyphs: Glyphs): Line {
  const node = state.rows.nodes[row] ?? 0;
  const [mark, style] = MARKS[state.view.stateOf(node)] ?? UNMARKED;
  const entry = state.view.entryOf(node);
  const found = state.matching?.[node] === 1 && state.matching[state.image.tree.parentOf(node)] !== 1;
  const line: Line = [
    span(`${mark} `, style),
    ...(showsAttributes(state) ? [span(attributes(state, node), "faint")] : []),
    span(branches(state, node, glyphs), "faint"),
    span(printable(toDisplayPath(state.image.tree.nameOf(node))), found ? "match" : nameStyle(state, node, style)),
    span(targetText(entry, glyphs), "faint"),
  ];
  if (row !== state.tree.cursor) return line;
  return highlight(fitLine(line, width, glyphs.more), cursorOf(state, "tree"));
}

function title(state: State, height: number): string {
  const what = state.mode === "aggregated" ? "Aggregated layer contents" : "Current layer contents";
  const { length } = state.rows.nodes;
  const bySize = state.order === "size" ? ", by size" : "";
  return length > height ? `${what}${bySize} (${state.tree.cursor + 1}/${length})` : what + bySize;
}

function emptyText(state: State): string {
  if (state.matching !== undefined) return "Nothing matches the filter (Esc ends it)";
  if (state.hidden.size > 0) return "All is hidden (A R M U show it)";
  return "The layer has no files";
}

/** The tree of files; only the lines on screen are made. */
export function treePane(state: State, { width, height }: Area, glyphs: Glyphs): readonly Line[] {
  const rows = height - 2;
  const lines: Line[] = [
    titleLine(title(state, rows), width, state.focus === "tree", glyphs),
    [span(`  ${showsAttributes(state) ? ATTRIBUTES_HEAD : ""}Path`, "label")],
  ];
  const { top } = state.tree;
  const end = Math.min(top + rows, state.rows.nodes.length);
  for (let row = top; row < end; row += 1) lines.push(treeLine(state, row, width, glyphs));
  if (end === 0) lines.push([span(`  ${emptyText(state)}`, "faint")]);
  return lines;
}
