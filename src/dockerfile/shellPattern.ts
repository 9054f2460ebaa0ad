/**
 * Patterns of `${x#…}`, `${x%…}` and `${x/…/…}`: `*`, `?` and literals, `\` before `*`, `?` or itself. Matched by
 * walking all states at once: no pattern of a Dockerfile makes it slow, a budget refuses what would.
 */
import { invalidDockerfile } from "./dockerfileError.ts";

type Token = { readonly kind: "star" } | { readonly kind: "any" } | { readonly kind: "literal"; readonly text: string };

/** Steps of one substitution. */
const BUDGET = 20_000_000;

export interface ShellPattern {
  readonly tokens: readonly Token[];
}

/** @throws text of what is wrong with the pattern, to be wrapped by the caller. */
export function parseShellPattern(pattern: string): ShellPattern {
  const tokens: Token[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    let character = characters[at] ?? "";
    if (character === "*") {
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
      continue;
    }
    if (character === "?") {
      tokens.push({ kind: "any" });
      continue;
    }
    if (character === "\\") {
      const next = characters[at + 1];
      // What closes a substitution needs an escape there that is no part of the pattern.
      if (next === "}" || next === "/") continue;
      if (next !== "*" && next !== "?" && next !== "\\") {
        const shown = next ?? "\uFFFD";
        throw invalidDockerfile(`invalid pattern (${pattern}) in substitution: invalid escape '\\${shown}'`);
      }
      character = next;
      at += 1;
    }
    tokens.push({ kind: "literal", text: character });
  }
  return { tokens };
}

/** One substitution's matching: counts its steps. */
class Matcher {
  readonly #tokens: readonly Token[];
  #steps = 0;

  constructor(pattern: ShellPattern) {
    this.#tokens = pattern.tokens;
  }

  /** Adds a state and those reached from it through stars that take nothing. */
  #reach(states: number[], marks: Uint32Array, state: number, mark: number): void {
    let next = state;
    while (marks[next] !== mark) {
      marks[next] = mark;
      states.push(next);
      if (this.#tokens[next]?.kind !== "star") return;
      next += 1;
    }
  }

  #step(states: readonly number[], marks: Uint32Array, character: string, mark: number): number[] {
    const next: number[] = [];
    for (const state of states) {
      const token = this.#tokens[state];
      if (token === undefined) continue;
      if (token.kind === "literal") {
        if (token.text === character) this.#reach(next, marks, state + 1, mark);
      } else if (character !== "\n") this.#reach(next, marks, token.kind === "star" ? state : state + 1, mark);
    }
    this.#steps += states.length + 1;
    if (this.#steps > BUDGET) throw invalidDockerfile("pattern in substitution takes too long to match");
    return next;
  }

  /** End of the longest (greedy) or shortest match that begins at `from`. */
  endAt(text: readonly string[], from: number, greedy: boolean): number | undefined {
    const accept = this.#tokens.length;
    const marks = new Uint32Array(accept + 1);
    let states: number[] = [];
    this.#reach(states, marks, 0, 1);
    let end: number | undefined;
    for (let at = from; ; at += 1) {
      if (marks[accept] === at - from + 1) {
        end = at;
        if (!greedy) return end;
      }
      const character = text[at];
      if (character === undefined || states.length === 0) return end;
      states = this.#step(states, marks, character, at - from + 2);
    }
  }

  /** The leftmost match, the longest there. */
  search(text: readonly string[], from: number): { readonly start: number; readonly end: number } | undefined {
    const leadingStar = this.#tokens[0]?.kind === "star";
    for (let start = from; start <= text.length; start += 1) {
      const end = this.endAt(text, start, true);
      if (end !== undefined) return { start, end };
      if (!leadingStar) continue;
      // A star that found nothing from here finds nothing from later on the line either.
      const line = text.indexOf("\n", start);
      if (line < 0) return undefined;
      start = line;
    }
    return undefined;
  }
}

export interface Trim {
  readonly greedy: boolean;
}

/** `${value#pattern}`. */
export function trimPrefix(value: string, pattern: string, { greedy }: Trim): string {
  const characters = Array.from(value);
  const end = new Matcher(parseShellPattern(pattern)).endAt(characters, 0, greedy);
  return end === undefined ? value : characters.slice(end).join("");
}

/** `${value%pattern}`: the same, read from the end. */
export function trimSuffix(value: string, pattern: string, { greedy }: Trim): string {
  const tokens = [...parseShellPattern(pattern).tokens].reverse();
  const characters = Array.from(value).reverse();
  const end = new Matcher({ tokens }).endAt(characters, 0, greedy);
  return end === undefined ? value : characters.slice(end).reverse().join("");
}

/** `${value/pattern/replacement}`, `//` with `all`. */
export function substitute(
  value: string,
  pattern: string,
  { replacement, all }: { readonly replacement: string; readonly all: boolean },
): string {
  const characters = Array.from(value);
  const matcher = new Matcher(parseShellPattern(pattern));
  const parts: string[] = [];
  let copied = 0;
  let from = 0;
  let lastEnd = -1;
  while (from <= characters.length) {
    const found = matcher.search(characters, from);
    if (found === undefined) break;
    const { start, end } = found;
    // Nothing, right behind a match, is none.
    if (end > start || start !== lastEnd) {
      parts.push(characters.slice(copied, start).join(""), replacement);
      copied = end;
      lastEnd = end;
      if (!all) break;
    }
    from = end > start ? end : end + 1;
  }
  return parts.join("") + characters.slice(copied).join("");
}
