import { displayWidth, takeColumns, truncate } from "./textWidth.ts";
import type { StyleName, Theme } from "./theme.ts";

/** A piece of a line in one style. Its text is printable already. */
export interface Span {
  readonly text: string;
  readonly style: StyleName;
  /** Under the cursor of the active pane, or of another. */
  readonly on?: "cursor" | "mark";
}

export type Line = readonly Span[];

export const span = (text: string, style: StyleName = "plain"): Span => ({ text, style });

const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + displayWidth(text), 0);

/** Exactly so many columns: cut with the mark for "more", or filled with spaces. */
export function fitLine(line: Line, columns: number, more: string): Line {
  const width = widthOf(line);
  if (width === columns) return line;
  if (width < columns) return [...line, span(" ".repeat(columns - width))];
  const fitted: Span[] = [];
  let left = columns;
  for (const piece of line) {
    const pieceWidth = displayWidth(piece.text);
    if (pieceWidth < left) {
      fitted.push(piece);
      left -= pieceWidth;
      continue;
    }
    // Whatever follows is cut, so this piece carries the mark even when it fits exactly.
    const text = truncate(`${piece.text} `, left, more);
    fitted.push({ ...piece, text: text + " ".repeat(left - displayWidth(text)) });
    break;
  }
  return fitted;
}

/** The whole line under a cursor, its styles kept. */
export const highlight = (line: Line, on: "cursor" | "mark"): Line => line.map((piece) => ({ ...piece, on }));

/** Plain text of a line. */
export const textOf = (line: Line): string => line.map(({ text }) => text).join("");

/** The line as a terminal takes it; begins and ends without any style. */
export function encodeLine(line: Line, theme: Theme): string {
  let out = "";
  let current = "";
  for (const { text, style, on } of line) {
    if (text === "") continue;
    const sgr = [theme[style], on === undefined ? "" : theme[on]].filter((part) => part !== "").join(";");
    if (sgr !== current) out += sgr === "" ? "\x1b[m" : `\x1b[0;${sgr}m`;
    current = sgr;
    out += text;
  }
  return current === "" ? out : `${out}\x1b[m`;
}

/** Text in so many columns; right-aligned when `atRight`. */
export function column(text: string, columns: number, atRight = false): string {
  const fitted = takeColumns(text, columns);
  const space = " ".repeat(columns - displayWidth(fitted));
  return atRight ? space + fitted : fitted + space;
}
