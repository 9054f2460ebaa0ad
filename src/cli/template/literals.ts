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
const ESCAPE = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gsu;

/** The inside of a Go string or character literal → text; undefined when an escape is not Go's (strconv.Unquote). */
export function unquote(inside: string): string | undefined {
  let valid = true;
  const text = inside.replace(ESCAPE, (_all, hex, short, long, octal, char: string | undefined) => {
    const code = [hex, short, long].find((digits) => typeof digits === "string");
    if (typeof code === "string") return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff));
    if (typeof octal === "string") return String.fromCharCode(Number.parseInt(octal, 8));
    const plain = ESCAPES[char ?? ""];
    if (plain === undefined) valid = false;
    return plain ?? "";
  });
  return valid ? text : undefined;
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
