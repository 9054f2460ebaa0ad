import { goQuote, notABoolean, parseGoBoolean } from "#gotext";
const BASES: Readonly<Record<string, number>> = { "0x": 16, "0b": 2, "0o": 8 };

interface Range {
  readonly function: "ParseInt" | "ParseUint" | "Atoi";
  readonly min: bigint;
  readonly max: bigint;
  /** 0 takes prefixes (`0x1f`), as pflag does. */
  readonly base: 0 | 8 | 10;
}

const INT64: Pick<Range, "min" | "max"> = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const UINT64_MAX = 2n ** 64n - 1n;

function digitsOf(text: string, base: Range["base"]): { readonly digits: string; readonly base: number } {
  if (base !== 0) return { digits: text, base };
  const named = BASES[text.slice(0, 2).toLowerCase()];
  if (named !== undefined) return { digits: text.slice(2).replaceAll("_", ""), base: named };
  const plain = text.replaceAll(/(?<=\d)_(?=\d)/g, "");
  return plain.length > 1 && plain.startsWith("0") ? { digits: plain.slice(1), base: 8 } : { digits: plain, base: 10 };
}

const ALPHABETS: Readonly<Record<number, RegExp>> = {
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^\d+$/,
  16: /^[\da-f]+$/i,
};
const PREFIXES: Readonly<Record<number, string>> = { 2: "0b", 8: "0o", 10: "", 16: "0x" };

/** Go's strconv.ParseInt and ParseUint. @throws {Error} `strconv.ParseInt: parsing "x": invalid syntax`. */
function parseWhole(text: string, range: Range): bigint {
  const fail = (why: string): Error => new Error(`strconv.${range.function}: parsing ${goQuote(text)}: ${why}`);
  const signed = range.function !== "ParseUint";
  const sign = signed && /^[+-]/.test(text) ? text.charAt(0) : "";
  const { digits, base } = digitsOf(text.slice(sign.length), range.base);
  if (ALPHABETS[base]?.test(digits) !== true) throw fail("invalid syntax");
  const size = BigInt(`${PREFIXES[base] ?? ""}${digits}`);
  const value = sign === "-" ? -size : size;
  if (value < range.min || value > range.max) throw fail("value out of range");
  return value;
}

/** A flag of Go type int or int64, e.g. `0x10`. Numbers beyond 2^53 lose their last digits. */
export function parseInteger(text: string): number {
  return Number(parseWhole(text, { function: "ParseInt", ...INT64, base: 0 }));
}

/** A decimal int64. */
export function parseDecimal(text: string): number {
  return Number(parseWhole(text, { function: "ParseInt", ...INT64, base: 10 }));
}

/** Go's strconv.Atoi; the error is its inner one, `invalid syntax`. */
export function parseCount(text: string): number {
  try {
    return Number(parseWhole(text, { function: "Atoi", ...INT64, base: 10 }));
  } catch (error) {
    throw new Error(error instanceof Error ? error.message.replace(/^.*: /, "") : String(error), { cause: error });
  }
}

/** An unsigned flag of so many bits. */
export function parseUnsigned(text: string, bits: 16 | 64): number {
  const max = bits === 64 ? UINT64_MAX : 2n ** BigInt(bits) - 1n;
  return Number(parseWhole(text, { function: "ParseUint", min: 0n, max, base: 0 }));
}

/** Unsigned decimal of so many bits, as ports and weights are written. */
export function parseUnsignedDecimal(text: string, bits: 16 | 64): number {
  const max = bits === 64 ? UINT64_MAX : 2n ** BigInt(bits) - 1n;
  return Number(parseWhole(text, { function: "ParseUint", min: 0n, max, base: 10 }));
}

/** Unsigned octal of 32 bits, as file modes are written. */
export function parseOctal(text: string): number {
  return Number(parseWhole(text, { function: "ParseUint", min: 0n, max: 2n ** 32n - 1n, base: 8 }));
}

/** Go's strconv.ParseBool. @throws {Error} in its words */
export function parseBoolean(text: string): boolean {
  const parsed = parseGoBoolean(text);
  if (parsed === undefined) throw new Error(notABoolean(text));
  return parsed;
}
