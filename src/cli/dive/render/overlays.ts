import { HELP_LINES } from "../explorer/help.ts";
import { pagerLine, pagerLineCount } from "../explorer/pager.ts";
import type { Pager } from "../explorer/pager.ts";
import { column, span } from "../terminal/line.ts";
import type { Line } from "../terminal/line.ts";
import { dropColumns, printable } from "../terminal/textWidth.ts";
import type { Glyphs } from "./glyphs.ts";
import { titleLine } from "./panes.ts";

interface Room {
  readonly width: number;
  readonly height: number;
}

const KEY_COLUMNS = 18;

/** What `?` shows. */
export function helpLines(top: number, { width, height }: Room, glyphs: Glyphs): readonly Line[] {
  const lines = HELP_LINES.slice(top, top + height - 1).map(({ keys, text }): Line => {
    const shown = glyphs.more === "…" ? text : text.replace(/^… /, "   ");
    return keys === "" ? [span(` ${shown}`, "label")] : [span(`   ${column(keys, KEY_COLUMNS)}`, "key"), span(shown)];
  });
  return [titleLine("Keys", width, true, glyphs), ...lines];
}

/** A file or details over the whole screen. */
export function pagerLines(pager: Pager, { width, height }: Room, glyphs: Glyphs): readonly Line[] {
  const count = pagerLineCount(pager);
  const last = Math.min(pager.top + height - 1, count);
  const place = count === 0 ? "empty" : `${pager.top + 1}-${last} of ${count}`;
  const note = pager.note === "" ? "" : `${glyphs.dot}${pager.note}`;
  const lines: Line[] = [titleLine(`${printable(pager.title)}${glyphs.dot}${place}${note}`, width, true, glyphs)];
  for (let row = pager.top; row < last; row += 1) {
    lines.push([span(dropColumns(printable(pagerLine(pager, row)), pager.left))]);
  }
  return lines;
}
