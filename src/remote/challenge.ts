/** One challenge of `WWW-Authenticate` (RFC 9110 §11.6.1); scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const MAX_HEADER_LENGTH = 16 << 10;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const BLANK = /[\s,]*/y;
const EQUALS = /\s*=\s*/y;

/** Reads one header from left to right; each `take` moves on only if the pattern is here. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isDone(): boolean {
    return this.#at >= this.#text.length;
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  /** `name = value`; nothing is taken when it is no parameter (then the token is the next scheme). */
  parameter(): [name: string, value: string] | undefined {
    const start = this.#at;
    const name = this.take(TOKEN)?.[0];
    if (name !== undefined && this.take(EQUALS) !== undefined) {
      const value = this.take(QUOTED)?.[1]?.replace(/\\([\s\S])/g, "$1") ?? this.take(TOKEN)?.[0];
      if (value !== undefined) return [name.toLowerCase(), value];
    }
    this.#at = start;
    return undefined;
  }
}

/** Every challenge of the header, in its order. What makes no sense ends the list; it never throws. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const challenges: Challenge[] = [];
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return challenges;
  const scanner = new Scanner(header);
  while (!scanner.isDone) {
    scanner.take(BLANK);
    const scheme = scanner.take(TOKEN)?.[0];
    if (scheme === undefined) break;
    scanner.take(/\s*/y);
    challenges.push({ scheme: scheme.toLowerCase(), parameters: parameters(scanner) });
  }
  return challenges;
}

function parameters(scanner: Scanner): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null);
  for (;;) {
    scanner.take(BLANK);
    const pair = scanner.parameter();
    if (pair === undefined) break;
    found[pair[0]] ??= pair[1];
  }
  return found;
}
