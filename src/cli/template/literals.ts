const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};
const ESCAPE =
  /\\(?:(?:x(?<hex>[\da-fA-F]{2})|u(?<short>[\da-fA-F]{4})|U(?<long>[\da-fA-F]{8}))|(?<octal>[0-7]{3})|(?<char>.))/gsu;
const LAST_RUNE = 0x10ffff;

function escapeValue(groups: Readonly<Record<string, string | undefined>>): string | undefined {
  const hex = groups["hex"] ?? groups["short"] ?? groups["long"];
  if (hex !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(hex, 16), LAST_RUNE));
  const { octal, char = "" } = groups;
  return octal === undefined ? ESCAPES[char] : String.fromCharCode(Number.parseInt(octal, 8));
}

/** The inside of a Go string or character literal → text; undefined when an escape is not Go's (strconv.Unquote). */
export function unquote(inside: string): string | undefined {
  let text = "";
  let end = 0;
  for (const match of inside.matchAll(ESCAPE)) {
    const value = escapeValue(match.groups ?? {});
    if (value === undefined) return undefined;
    text += inside.slice(end, match.index) + value;
    end = match.index + match[0].length;
  }
  return text + inside.slice(end);
}

/** A Go number literal → value; undefined when it is none. */
export function parseNumber(text: string): { readonly value: number | bigint; readonly isFloat: boolean } | undefined {
  const plain = text.replaceAll("_", "");
  const sign = plain.startsWith("-") ? -1 : 1;
  const digits = plain.replace(/^[+-]/, "");
  if (/^0[0-7]+$/.test(digits)) return { value: sign * Number.parseInt(digits, 8), isFloat: false };
  if (/^(?:\d+|0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+)$/.test(digits)) {
    const exact = BigInt(digits) * BigInt(sign);
    const value = Number(exact);
    return { value: Number.isSafeInteger(value) ? value : exact, isFloat: false };
  }
  const value = Number(plain);
  // 1e3 is an integer to Go's templates too.
  return Number.isNaN(value) ? undefined : { value, isFloat: plain.includes(".") || !Number.isInteger(value) };
}
