import { EngineError, ErrorCode } from "#errors";

/**
 * Go's `path.Match` as a regular expression: `*` and `?` stop at `/`, `[a-z]` and `[^a]` are classes, `\` quotes.
 * @throws {invalid_argument} `syntax error in pattern`
 */
export function globPattern(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const end = closingBracket(pattern, at);
      source += characterClass(pattern.slice(at + 1, end));
      at = end;
    } else if (character === "\\") {
      at += 1;
      if (at >= pattern.length) throw badPattern();
      source += escaped(pattern.charAt(at));
    } else source += escaped(character);
  }
  return new RegExp(`^${source}$`, "s");
}

function badPattern(): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, "syntax error in pattern");
}

function closingBracket(pattern: string, open: number): number {
  for (let at = open + 1; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "]" && at > open + 1) return at;
  }
  throw badPattern();
}

function characterClass(body: string): string {
  const negated = body.startsWith("^");
  // Only what a JavaScript class reads otherwise than Go's needs quoting; `a-z` and quoted characters stay.
  const members = (negated ? body.slice(1) : body).replaceAll(/(?<!\\)([[^])/g, "\\$1");
  try {
    return new RegExp(`[${negated ? "^/" : ""}${members}]`).source;
  } catch {
    throw badPattern();
  }
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
