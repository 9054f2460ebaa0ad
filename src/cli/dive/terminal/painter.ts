import { encodeLine } from "./line.ts";
import type { Line } from "./line.ts";
import type { Theme } from "./theme.ts";

/** A whole screen: one line a row, each as wide as the screen; where the text cursor stands, if it is shown. */
export interface Frame {
  readonly lines: readonly Line[];
  readonly cursor: { readonly column: number; readonly row: number } | undefined;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** Terminals that know it show what lies between at once. */
const BEGIN_UPDATE = "\x1b[?2026h";
const END_UPDATE = "\x1b[?2026l";

/** Knows what the screen shows, and writes only rows that changed. */
export class Painter {
  #rows: readonly string[] = [];
  #cursor = "";

  /** The screen holds something else now: the next frame is written whole. */
  forget(): void {
    this.#rows = [];
    this.#cursor = "";
  }

  /** What to write so that the screen shows the frame; "" when it does. */
  paint(frame: Frame, theme: Theme): string {
    const rows = frame.lines.map((line) => encodeLine(line, theme));
    let out = "";
    for (const [index, row] of rows.entries()) {
      if (row !== this.#rows[index]) out += `\x1b[${index + 1};1H${row}`;
    }
    this.#rows = rows;
    const { cursor } = frame;
    const place = cursor === undefined ? "" : `\x1b[${cursor.row + 1};${cursor.column + 1}H${SHOW_CURSOR}`;
    const isSame = out === "" && place === this.#cursor;
    this.#cursor = place;
    return isSame ? "" : `${BEGIN_UPDATE}${HIDE_CURSOR}${out}${place}${END_UPDATE}`;
  }
}
