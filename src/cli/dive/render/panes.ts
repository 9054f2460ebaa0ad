import type { ImageScores } from "#analysis";
import { toDisplayPath } from "#tar";
import { fileDetails } from "../explorer/details.ts";
import type { Area, Pane } from "../explorer/layout.ts";
import { worstListSize } from "../explorer/state.ts";
import type { State } from "../explorer/state.ts";
import { bytesText } from "../explorer/words.ts";
import { column, highlight, span } from "../terminal/line.ts";
import type { Line } from "../terminal/line.ts";
import { displayWidth, printable, takeColumns, truncateStart } from "../terminal/textWidth.ts";
import type { Glyphs } from "./glyphs.ts";

/** `── Layers ──────`, heavier when the pane has the keyboard. */
export function titleLine(title: string, width: number, isActive: boolean, glyphs: Glyphs): Line {
  const rule = isActive ? glyphs.activeRule : glyphs.rule;
  const style = isActive ? "activeTitle" : "title";
  const text = ` ${title} `;
  const left = Math.max(width - 2 - displayWidth(text), 0);
  return [span(rule.repeat(2), style), span(text, isActive ? "activeTitle" : "plain"), span(rule.repeat(left), style)];
}

/** How the line under a pane's cursor looks. */
export const cursorOf = (state: State, pane: Pane): "cursor" | "mark" => (state.focus === pane ? "cursor" : "mark");

const SHELL = /^(RUN )?(?:(?:\|\d+ .*?)?\/bin\/sh -c )?(?:#\(nop\) +)?/;
const BUILDKIT = / # buildkit$/;

/** The instruction of a layer without what builders put around it. */
export function commandText(command: string, newLine: string): string {
  const plain = command.replace(BUILDKIT, "").replace(SHELL, "$1").trim();
  return printable(plain.replaceAll(/[ \t]*\n[ \t]*/g, newLine).replaceAll(/[ \t]+/g, " "));
}

const SIZE_COLUMNS = 7;
const DIGEST_COLUMNS = 12;
/** From this width on, the list of layers shows digests. */
const DIGEST_FROM = 60;

function layerLine(state: State, index: number, width: number, glyphs: Glyphs): Line {
  const facts = state.image.layers[index];
  if (facts === undefined) return [];
  const { cursor } = state.layers;
  const isUpper = index === cursor || (state.mode === "aggregated" && index > 0 && index < cursor);
  const bar = isUpper
    ? span(`${glyphs.upperBar} `, "barUpper")
    : index < cursor
      ? span(`${glyphs.lowerBar} `, "barLower")
      : span("  ");
  const digest = (facts.digest ?? facts.diffId).replace(/^[a-z0-9]+:/, "").slice(0, DIGEST_COLUMNS);
  const line = [
    span(`${column(bytesText(state.image.layerBytes[index] ?? 0), SIZE_COLUMNS, true)}  `),
    ...(width >= DIGEST_FROM ? [span(`${digest}  `, "faint")] : []),
    span(commandText(facts.command, glyphs.newLine)),
  ];
  const rest = width - 2 - line.reduce((sum, { text }) => sum + displayWidth(text), 0);
  const filled = [...line, span(" ".repeat(Math.max(rest, 0)))];
  return [bar, ...(index === cursor ? highlight(filled, cursorOf(state, "layers")) : filled)];
}

export function layersPane(state: State, { width, height }: Area, glyphs: Glyphs): readonly Line[] {
  const head = `  ${column("Size", SIZE_COLUMNS, true)}  ${width >= DIGEST_FROM ? column("Digest", DIGEST_COLUMNS + 2) : ""}Command`;
  const { layers } = state.image;
  const title = layers.length > height - 2 ? `Layers (${state.layers.cursor + 1} of ${layers.length})` : "Layers";
  const lines: Line[] = [titleLine(title, width, state.focus === "layers", glyphs), [span(head, "label")]];
  const end = Math.min(state.layers.top + height - lines.length, layers.length);
  for (let index = state.layers.top; index < end; index += 1) lines.push(layerLine(state, index, width, glyphs));
  return lines;
}

/** A long value goes on in the next lines, under itself. */
function wrapValue(value: string, width: number): readonly string[] {
  if (displayWidth(value) <= width || width < 8) return [value];
  const lines: string[] = [];
  let rest = value;
  while (displayWidth(rest) > width) {
    const whole = takeColumns(rest, width);
    const space = whole.lastIndexOf(" ");
    const head = space > width / 2 ? whole.slice(0, space + 1) : whole;
    lines.push(head);
    rest = rest.slice(Math.max(head.length, 1));
  }
  return [...lines, rest];
}

const LABEL_COLUMNS = 10;

export function detailsPane(state: State, { width, height }: Area, glyphs: Glyphs): readonly Line[] {
  const isFile = state.focus === "tree" && state.rows.nodes.length > 0;
  const lines = fileDetails(state).flatMap(({ label, value }) =>
    wrapValue(value, width - LABEL_COLUMNS).map(
      (part, index): Line => [
        span(column(index === 0 && label !== "" ? `${label}:` : "", LABEL_COLUMNS), "label"),
        span(part),
      ],
    ),
  );
  const title = titleLine(isFile ? "File" : `Layer ${state.layers.cursor}`, width, state.focus === "details", glyphs);
  return [title, ...lines.slice(state.detailTop, state.detailTop + height - 1)];
}

function wasteText({ wastedBytes, userWastedRatio }: ImageScores): string {
  // 0/0 is NaN: an image of one empty layer wastes nothing.
  const percent =
    wastedBytes > 0 && Number.isFinite(userWastedRatio) ? ` (${(userWastedRatio * 100).toFixed(2)} %)` : "";
  return `${bytesText(wastedBytes)}${percent}`;
}

/** Under the image's name: its size and scores, then what wastes most. */
export function imagePane(state: State, { width, height }: Area, glyphs: Glyphs): readonly Line[] {
  const { name, scores, layerBytes } = state.image;
  const bytes = layerBytes.reduce((sum, own) => sum + own, 0);
  const lines: Line[] = [
    titleLine("Image details", width, state.focus === "image", glyphs),
    [span("Image ", "label"), span(printable(name))],
    [
      span("Size ", "label"),
      span(`${bytesText(bytes)}${glyphs.dot}`),
      span("Efficiency ", "label"),
      span(scores === undefined ? glyphs.more : `${Math.trunc(scores.efficiency * 100)} %`),
    ],
    [span("Wasted ", "label"), span(scores === undefined ? glyphs.more : wasteText(scores))],
    [span("Count     Space  Path", "label")],
  ];
  const { top, cursor } = state.worst;
  const { count, height: rows } = worstListSize(state);
  for (let index = top; index < Math.min(top + rows, count); index += 1) {
    const item = scores?.inefficiencies[index];
    if (item === undefined) break;
    const path = `/${printable(toDisplayPath(item.path))}`;
    const head = `${String(item.count).padStart(5)}  ${column(bytesText(item.bytes), 8, true)}  `;
    const text = head + truncateStart(path, width - head.length, glyphs.more);
    const line = [span(column(text, width))];
    lines.push(index === cursor && state.focus === "image" ? highlight(line, "cursor") : line);
  }
  return lines.slice(0, height);
}
