/** Zero-width code points: marks that combine, joiners, variation selectors. */
const MARK = /^(?:\p{Mn}|\p{Me}|\p{Cf})$/u;
const EMOJI = /^\p{Emoji_Presentation}$/u;

/** Unicode 16 EastAsianWidth W and F, in ranges: two columns each. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

const FIRST_PRINTABLE = 0x20;
const FIRST_BEYOND_ASCII = 0x7f;
const FIRST_WIDE = 0x300;

function widthOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < FIRST_WIDE) return 1;
  if (MARK.test(char)) return 0;
  return EMOJI.test(char) || WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) >= FIRST_BEYOND_ASCII) return false;
  return true;
}

/** Columns that a terminal gives to the text (which has no control characters: see {@link printable}). */
export function displayWidth(text: string): number {
  if (isAscii(text)) return text.length;
  let width = 0;
  for (const char of text) width += widthOf(char);
  return width;
}

/** The first `columns` columns of the text; a wide character that would be cut is left out. */
export function takeColumns(text: string, columns: number): string {
  if (isAscii(text)) return text.length <= columns ? text : text.slice(0, Math.max(columns, 0));
  let width = 0;
  let end = 0;
  for (const char of text) {
    width += widthOf(char);
    if (width > columns) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** The text from its column `from` on. */
export function dropColumns(text: string, from: number): string {
  if (from <= 0) return text;
  if (isAscii(text)) return text.slice(from);
  let width = 0;
  let start = 0;
  for (const char of text) {
    if (width >= from) break;
    width += widthOf(char);
    start += char.length;
  }
  return " ".repeat(Math.max(width - from, 0)) + text.slice(start);
}

/** What does not fit ends with the mark for "more". */
export function truncate(text: string, columns: number, more: string): string {
  if (displayWidth(text) <= columns) return text;
  return columns <= 0 ? "" : takeColumns(text, columns - displayWidth(more)) + takeColumns(more, columns);
}

/** … begins with it: of a path the end says more. */
export function truncateStart(text: string, columns: number, more: string): string {
  const width = displayWidth(text);
  if (width <= columns) return text;
  return columns <= 0 ? "" : more + dropColumns(text, width - columns + displayWidth(more));
}

// oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const CONTROL_PICTURES: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function escapeControl(char: string): string {
  const known = CONTROL_PICTURES[char];
  if (known !== undefined) return known;
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * Text of an image made safe to show: names, targets and files may hold escape sequences, or marks that turn the
 * direction of what follows.
 */
export function printable(text: string): string {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < FIRST_PRINTABLE || code >= FIRST_BEYOND_ASCII) return text.replace(CONTROL, escapeControl);
  }
  return text;
}
