import { EngineError, ErrorCode } from "#errors";

/** One step of a pattern: a set of characters, or a run of any (within a name, or across names). */
type Token =
  | { readonly kind: "set"; readonly has: (character: string) => boolean }
  | { readonly kind: "run"; readonly crosses: boolean }
  /** `**` and the slash after it: nothing, or any number of whole directories. */
  | { readonly kind: "directories" };

const MAX_PATTERN = 4096;
const MAX_ALTERNATIVES = 256;

function invalid(pattern: string, why: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `invalid pattern ${JSON.stringify(pattern)}: ${why}`,
  );
}

/** `a{b,c{d,e}}` → `ab acd ace`. */
function expandBraces(pattern: string): readonly string[] {
  let done: string[] = [];
  let open = [pattern];
  while (open.length > 0) {
    const next: string[] = [];
    for (const text of open) {
      const parts = firstBraces(text);
      if (parts === undefined) done.push(text);
      else next.push(...parts.choices.map((choice) => parts.before + choice + parts.after));
    }
    if (done.length + next.length > MAX_ALTERNATIVES) throw invalid(pattern, "too many alternatives");
    open = next;
  }
  done = [...new Set(done)];
  return done;
}

interface Braces {
  readonly before: string;
  readonly choices: readonly string[];
  readonly after: string;
}

function firstBraces(text: string): Braces | undefined {
  const start = text.search(/(?<!\\)\{/);
  if (start < 0) return undefined;
  const choices: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (character === "{") depth++;
    else if (character === "}" || (character === "," && depth === 1)) {
      if (depth === 1) {
        choices.push(text.slice(from, at));
        from = at + 1;
      }
      if (character === "}") depth--;
      if (depth === 0) return { before: text.slice(0, start), choices, after: text.slice(at + 1) };
    }
  }
  throw invalid(text, "a { is not closed");
}

/** Reads one alternative from left to right. */
class Tokenizer {
  readonly tokens: Token[] = [];
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    while (this.#at < pattern.length) this.#next();
  }

  #next(): void {
    const character = this.#pattern[this.#at++] ?? "";
    if (character === "*") this.#stars();
    else if (character === "?") this.tokens.push({ kind: "set", has: (seen) => seen !== "/" });
    else if (character === "[") this.#characters();
    else this.#literal(character === "\\" ? (this.#pattern[this.#at++] ?? "\\") : character);
  }

  #literal(character: string): void {
    this.tokens.push({ kind: "set", has: (seen) => seen === character });
  }

  #stars(): void {
    const start = this.#at - 1;
    while (this.#pattern[this.#at] === "*") this.#at++;
    const isAlone = (start === 0 || this.#pattern[start - 1] === "/") && this.#at - start > 1;
    if (isAlone && this.#pattern[this.#at] === "/") {
      this.#at++;
      this.tokens.push({ kind: "directories" });
      return;
    }
    this.tokens.push({ kind: "run", crosses: isAlone && this.#at === this.#pattern.length });
  }

  #characters(): void {
    const body = /^(\^|!)?(\]?(?:\\.|[^\]\\])*)\]/.exec(this.#pattern.slice(this.#at));
    if (body === null) throw invalid(this.#pattern, "a [ is not closed");
    this.#at += body[0].length;
    const ranges = [...(body[2] ?? "").matchAll(/(\\.|[^])(?:-(\\.|[^]))?/g)].map(([, low = "", high = low]) => {
      return [low.slice(-1), high.slice(-1)] as const;
    });
    const inside = (seen: string): boolean => ranges.some(([low, high]) => low <= seen && seen <= high);
    const negated = body[1] !== undefined;
    this.tokens.push({ kind: "set", has: (seen) => seen !== "/" && inside(seen) !== negated });
  }
}

/** In a machine: not reached; reached; reached within a name that `**` passes over. */
const OFF = 0;
const ON = 1;
const WITHIN = 2;

/** Keeps all states of a pattern at once: the time is the product of the two lengths, whatever the pattern. */
class Machine {
  readonly #tokens: readonly Token[];
  #states: Uint8Array;
  #next: Uint8Array;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#states = new Uint8Array(tokens.length + 1);
    this.#next = new Uint8Array(tokens.length + 1);
  }

  accepts(text: string): boolean {
    this.#next.fill(OFF);
    this.#enter(0);
    for (const character of text) {
      [this.#states, this.#next] = [this.#next, this.#states];
      this.#next.fill(OFF);
      for (let index = 0; index < this.#tokens.length; index++) {
        if (this.#states[index] !== OFF) this.#step(index, character);
      }
    }
    return this.#next[this.#tokens.length] === ON;
  }

  /** Reaches a state, and those behind it that need no character. */
  #enter(from: number): void {
    for (let index = from; this.#next[index] === OFF; index++) {
      this.#next[index] = ON;
      const token = this.#tokens[index];
      if (token === undefined || token.kind === "set") return;
    }
  }

  #step(index: number, character: string): void {
    const token = this.#tokens[index];
    if (token === undefined) return;
    switch (token.kind) {
      case "set":
        if (token.has(character)) this.#enter(index + 1);
        break;
      case "run":
        if (token.crosses || character !== "/") this.#enter(index);
        break;
      case "directories":
        // What follows begins only where a name does.
        if (character === "/") this.#enter(index);
        else this.#next[index] = WITHIN;
        break;
    }
  }
}

export type PathPredicate = (path: string) => boolean;

/** Most paths do not end as the pattern does. */
function literalTail(pattern: string): string {
  return /[^*?[\]{}\\/]*$/.exec(pattern)?.[0] ?? "";
}

/**
 * A glob as a predicate over clean paths: `*` `?` `[a-z]` `[!a]` within a name, `**` over directories, `{a,b}`, `\` for
 * what follows. One without "/" is tried on the last name of a path; others on all of it, from the root.
 * @throws {invalid_argument} INVALID_FLAG
 */
export function compileGlob(pattern: string): PathPredicate {
  if (pattern.length > MAX_PATTERN) throw invalid(`${pattern.slice(0, 32)}…`, "too long");
  const onName = !pattern.includes("/");
  const alternatives = expandBraces(pattern.replace(/^\/+/, "")).map((text) => {
    return { tail: literalTail(text), machine: new Machine(new Tokenizer(text).tokens) };
  });
  return (path) => {
    const text = onName ? path.slice(path.lastIndexOf("/") + 1) : path;
    return alternatives.some(({ tail, machine }) => text.endsWith(tail) && machine.accepts(text));
  };
}
