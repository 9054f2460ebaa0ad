/** Sizes as dive reads and writes them (go-humanize): decimal units, and binary ones when read with an "i". */
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"] as const;

/** Go's `%.2f` and `%.0f`: as toFixed, but what lies just between two goes to the even one. */
export function toFixedEven(value: number, digits: 0 | 2): string {
  const scaled = value * 10 ** digits;
  const floor = Math.floor(scaled);
  // Only multiples of an eighth lie just between two hundredths.
  const isTie = scaled - floor === 0.5 && Number.isInteger(value * 8);
  return isTie ? ((floor % 2 === 0 ? floor : floor + 1) / 10 ** digits).toFixed(digits) : value.toFixed(digits);
}

/** `12810` → `13 kB`: one digit after the point below ten. */
export function formatSize(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(1000)), UNITS.length - 1);
  const value = Math.floor((bytes / 1000 ** power) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : toFixedEven(value, 0)} ${UNITS[power] ?? ""}`;
}

function unitOf(word: string): number | undefined {
  const match = /^([kmgtpe]?)(i?)b?$/.exec(word);
  if (match === null) return undefined;
  const [, prefix = "", binary] = match;
  // "ib" and "i" are no units.
  if (prefix === "") return binary === "" ? 1 : undefined;
  return (binary === "" ? 1000 : 1024) ** ("kmgtpe".indexOf(prefix) + 1);
}

const MAX_UINT64 = 2 ** 64;

/** What is wrong with a text that is no size, in go-humanize's words. */
export class SizeProblem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** `20MB` → 20,000,000; `1.5 KiB` → 1536; commas within the number are ignored, as is case. */
export function parseSize(text: string): number | SizeProblem {
  const [digits = ""] = /^[\d.,]*/.exec(text) ?? [];
  const number = digits.replaceAll(",", "");
  if (!/^(?:\d+\.?\d*|\.\d+)$/.test(number)) {
    return new SizeProblem(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const word = text.slice(digits.length).trim().toLowerCase();
  const unit = unitOf(word);
  if (unit === undefined) return new SizeProblem(`unhandled size name: ${word}`);
  const bytes = Number(number) * unit;
  return bytes >= MAX_UINT64 ? new SizeProblem(`too large: ${text}`) : Math.trunc(bytes);
}
