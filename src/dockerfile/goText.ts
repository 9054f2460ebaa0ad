/** What Go's unicode.IsSpace holds for space (JavaScript's `\s` has U+FEFF too, and lacks U+0085). */
const SPACE = "\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACE_CHARACTER = new RegExp(`[${SPACE}]`);
const NO_SPACE = new RegExp(`[^${SPACE}]+`, "g");
const FIRST_NO_SPACE = new RegExp(`[^${SPACE}]`);

export function isSpace(character: string): boolean {
  return SPACE_CHARACTER.test(character);
}

/** Index of the first character that is no space; the length where there is none. */
function firstWord(text: string): number {
  const at = text.search(FIRST_NO_SPACE);
  return at < 0 ? text.length : at;
}

export function trimSpaceLeft(text: string): string {
  return text.slice(firstWord(text));
}

export function trimSpace(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charAt(end - 1))) end -= 1;
  return trimSpaceLeft(text.slice(0, end));
}

/** The runs of characters that are no space. */
export function words(text: string): readonly string[] {
  return text.match(NO_SPACE) ?? [];
}

const SHORT: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};
const UNPRINTABLE = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

function escapeCharacter(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A string as Go's `%q` prints it. */
export function goQuote(text: string): string {
  return `"${text.replace(UNPRINTABLE, escapeCharacter)}"`;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  "1": true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  "0": false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** Go's strconv.ParseBool; undefined for anything it refuses. */
export function parseGoBoolean(text: string): boolean | undefined {
  return Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const DURATION_PART = /([0-9]*)(\.[0-9]*)?([^0-9.]*)/y;

/** Go's time.ParseDuration. Nanoseconds, or what is wrong in Go's words. */
export function parseGoDuration(text: string): number | string {
  const invalid = `time: invalid duration ${goQuote(text)}`;
  const sign = text.startsWith("-") ? -1 : 1;
  let at = /^[+-]/.test(text) ? 1 : 0;
  if (text.slice(at) === "0") return 0;
  if (at === text.length) return invalid;
  let total = 0;
  while (at < text.length) {
    DURATION_PART.lastIndex = at;
    const [whole = "", digits = "", fraction = "", unit = ""] = DURATION_PART.exec(text) ?? [];
    if (digits === "" && fraction.length < 2) return invalid;
    if (unit === "") return `time: missing unit in duration ${goQuote(text)}`;
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (scale === undefined) return `time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}`;
    total += Math.trunc(Number(`0${digits}${fraction.length > 1 ? fraction : ""}`) * scale);
    if (total > Number.MAX_SAFE_INTEGER * 1024) return invalid;
    at += whole.length;
  }
  return sign * total;
}
