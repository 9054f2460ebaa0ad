import { scrollBy } from "./listPlace.ts";
import type { ListSize } from "./listPlace.ts";

/** Text or bytes over the whole screen. */
export interface Pager {
  readonly title: string;
  readonly lines: readonly string[];
  /** For the view in hexadecimal; undefined: there is only text. */
  readonly bytes: Uint8Array | undefined;
  readonly isHex: boolean;
  readonly top: number;
  /** First column that is shown. */
  readonly left: number;
  /** What is to be said beside the title: that only a part is shown. */
  readonly note: string;
}

const HEX_ROW = 16;
const SIDE_STEP = 8;
const TAB = 8;
/** Bytes looked at to tell text from other data. */
const SAMPLE = 8192;

/** Whether bytes are text: UTF-8 (or what is left of it where it was cut), without NUL and with few controls. */
function isText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE);
  let odd = 0;
  for (const byte of sample) {
    if (byte === 0) return false;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x1b) odd += 1;
  }
  const text = new TextDecoder().decode(sample, { stream: true });
  for (const char of text) if (char === "\uFFFD") odd += 1;
  return odd * 50 <= sample.length;
}

function expandTabs(line: string): string {
  if (!line.includes("\t")) return line;
  let out = "";
  for (const char of line) out += char === "\t" ? " ".repeat(TAB - (out.length % TAB)) : char;
  return out;
}

/** Lines of a text; the end of the last one begins no other. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map(expandTabs);
}

/** A pager over the bytes of a file: as text where they are, else in hexadecimal. */
export function openBytes(title: string, bytes: Uint8Array, note: string): Pager {
  const lines = linesOf(new TextDecoder().decode(bytes));
  return { title, lines, bytes, isHex: !isText(bytes), top: 0, left: 0, note };
}

export function openText(title: string, lines: readonly string[]): Pager {
  return { title, lines, bytes: undefined, isHex: false, top: 0, left: 0, note: "" };
}

export const pagerLineCount = ({ isHex, bytes, lines }: Pager): number =>
  isHex ? Math.ceil((bytes?.length ?? 0) / HEX_ROW) : lines.length;

function hexLine(bytes: Uint8Array, row: number): string {
  const offset = row * HEX_ROW;
  const part = [...bytes.subarray(offset, offset + HEX_ROW)];
  const hex = part.map((byte, index) => byte.toString(16).padStart(2, "0") + (index === 7 ? " " : "")).join(" ");
  const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
  return `${offset.toString(16).padStart(8, "0")}  ${hex.padEnd(HEX_ROW * 3)}  |${text}|`;
}

/** One line of what is shown. */
export function pagerLine(pager: Pager, row: number): string {
  if (!pager.isHex || pager.bytes === undefined) return pager.lines[row] ?? "";
  return row * HEX_ROW < pager.bytes.length ? hexLine(pager.bytes, row) : "";
}

function scrollTop(top: number, key: string, size: ListSize): number | undefined {
  const page = Math.max(size.height - 1, 1);
  switch (key) {
    case "up":
    case "k":
      return top - 1;
    case "down":
    case "j":
    case "enter":
      return top + 1;
    case "pageUp":
    case "u":
    case "b":
      return top - page;
    case "pageDown":
    case "d":
    case "space":
      return top + page;
    case "home":
    case "g":
      return 0;
    case "end":
    case "G":
      return size.count;
    default:
      return undefined;
  }
}

/** The first line of a text after a key of moving; undefined for other keys. */
export function scrollText(top: number, key: string, size: ListSize): number | undefined {
  const next = scrollTop(top, key, size);
  return next === undefined ? undefined : Math.max(Math.min(next, size.count - size.height), 0);
}

/** The pager after a key; undefined when the key does nothing in it. */
export function turnPager(pager: Pager, key: string, height: number): Pager | undefined {
  const size = { count: pagerLineCount(pager), height };
  const top = scrollText(pager.top, key, size);
  if (top !== undefined) return { ...pager, top };
  if (key === "left" || key === "h") return { ...pager, left: Math.max(pager.left - SIDE_STEP, 0) };
  if (key === "right" || key === "l") return { ...pager, left: pager.left + SIDE_STEP };
  if (key === "x" && pager.bytes !== undefined) return { ...pager, isHex: !pager.isHex, top: 0, left: 0 };
  return undefined;
}

/** The pager after the wheel. */
export function rollPager(pager: Pager, rows: number, height: number): Pager {
  const size = { count: pagerLineCount(pager), height };
  return { ...pager, top: scrollBy({ cursor: pager.top, top: pager.top }, rows, size).top };
}
