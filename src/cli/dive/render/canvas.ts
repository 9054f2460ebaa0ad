import type { Area, ScreenSize } from "../explorer/layout.ts";
import { fitLine, span } from "../terminal/line.ts";
import type { Line, Span } from "../terminal/line.ts";

/** Names are UTF-8 whatever the locale is; a terminal without it would show each byte as something. */
const NOT_ASCII = /[^\x20-\x7e]/gu;

/** A screen being composed of areas that do not overlap, filled from left to right. */
export class Canvas {
  readonly #size: ScreenSize;
  readonly #rows: Span[][];
  readonly #widths: number[];
  readonly #more: string;
  readonly #isUnicode: boolean;

  constructor(size: ScreenSize, more: string, isUnicode: boolean) {
    this.#isUnicode = isUnicode;
    this.#size = size;
    this.#rows = Array.from({ length: size.rows }, () => []);
    this.#widths = Array.from({ length: size.rows }, () => 0);
    this.#more = more;
  }

  /** Lines from the top of the area; what they leave of it stays empty. */
  put({ left, top, width, height }: Area, lines: readonly Line[]): void {
    for (let row = 0; row < height; row += 1) this.putRow({ left, row: top + row, width }, lines[row] ?? []);
  }

  putRow({ left, row, width }: { left: number; row: number; width: number }, line: Line): void {
    const spans = this.#rows[row];
    const filled = this.#widths[row] ?? 0;
    if (spans === undefined || width <= 0) return;
    if (filled < left) spans.push(span(" ".repeat(left - filled)));
    const shown = this.#isUnicode
      ? line
      : line.map((piece) => ({ ...piece, text: piece.text.replace(NOT_ASCII, "?") }));
    spans.push(...fitLine(shown, width, this.#more));
    this.#widths[row] = left + width;
  }

  lines(): readonly Line[] {
    return this.#rows.map((row) => fitLine(row, this.#size.columns, this.#more));
  }
}
