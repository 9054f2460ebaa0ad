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
