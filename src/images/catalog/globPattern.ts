import { EngineError, ErrorCode } from "#errors";

/**
 * Go's `path.Match` as a regular expression: `*` and `?` stop at `/`, `[a-z]` and `[^a]` are classes, `\` quotes.
 * @throws {invalid_argument} `syntax error in pattern`
 */
export function globPattern(pattern: string): RegExp {
  const reader = new PatternReader(pattern);
  let source = "";
  while (!reader.atEnd) source += term(reader);
  return new RegExp(`^${source}$`, "su");
}

function term(reader: PatternReader): string {
  if (reader.take("*")) return "[^/]*";
  if (reader.take("?")) return "[^/]";
  return reader.take("[") ? characterClass(reader) : escaped(reader.character());
}

function characterClass(reader: PatternReader): string {
  const negated = reader.take("^");
  let members = "";
  while (members === "" || !reader.take("]")) {
    const low = reader.member();
    const high = reader.take("-") ? reader.member() : low;
    // An empty range (`z-a`) matches nothing in Go and is an error in JavaScript.
    if (low <= high) members += `${escaped(low)}-${escaped(high)}`;
    else if (members === "") members = NO_MEMBER;
  }
  return negated ? `[^${members}]` : `[${members}]`;
}

/** A class member that no text holds: a lone surrogate. */
const NO_MEMBER = "\\uD800";

/** Reads a pattern by code points. */
class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  get atEnd(): boolean {
    return this.#at >= this.#characters.length;
  }

  /** Steps over the character if it is the next one. */
  take(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** The next character, a quoted one without its backslash. */
  character(): string {
    this.take("\\");
    const next = this.#characters[this.#at];
    if (next === undefined) throw badPattern();
    this.#at += 1;
    return next;
  }

  /** As {@link character}, within a class: `-` and `]` must be quoted. */
  member(): string {
    const next = this.#characters[this.#at];
    if (next === "-" || next === "]") throw badPattern();
    return this.character();
  }
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}` : character;
}

function badPattern(): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, "syntax error in pattern");
}
