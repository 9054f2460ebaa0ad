/**
 * Go's filepath.Match on latin1 or decoded text: `*` and `?` within a name, `[a-z]`, `[^a-z]`, `\` before what is to be
 * taken as it is; `/` is matched only by itself. A malformed pattern matches nothing, as BuildKit takes it.
 */
export function goMatch(pattern: string, name: string): boolean {
  return matcherOf(pattern)(name);
}

let last: { readonly pattern: string; readonly matches: (name: string) => boolean } | undefined;

function matcherOf(pattern: string): (name: string) => boolean {
  if (last?.pattern === pattern) return last.matches;
  const parts = parsePattern(pattern);
  const matches = (name: string): boolean => parts !== undefined && matchParts(parts, Array.from(name));
  last = { pattern, matches };
  return matches;
}

type Part =
  | { readonly kind: "star" }
  /** One character. */
  | { readonly kind: "one"; readonly accepts: (character: string) => boolean };

/** Greedy with one point of return: linear but for the last star, quadratic at worst. */
function matchParts(parts: readonly Part[], name: readonly string[]): boolean {
  let [part, at] = [0, 0];
  let star: { readonly part: number; at: number } | undefined;
  for (;;) {
    const next = parts[part];
    const character = name[at];
    if (next === undefined && character === undefined) return true;
    if (next?.kind === "star") {
      star = { part: part + 1, at };
      part += 1;
    } else if (next !== undefined && character !== undefined && next.accepts(character)) {
      part += 1;
      at += 1;
    } else {
      const taken = star === undefined ? undefined : name[star.at];
      if (star === undefined || taken === undefined || taken === "/") return false;
      star.at += 1;
      [part, at] = [star.part, star.at];
    }
  }
}

function parsePattern(pattern: string): readonly Part[] | undefined {
  const characters = Array.from(pattern);
  const parts: Part[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "*") {
      if (parts.at(-1)?.kind !== "star") parts.push({ kind: "star" });
    } else if (character === "?") {
      parts.push({ kind: "one", accepts: (given) => given !== "/" });
    } else if (character === "[") {
      const parsed = parseClass(characters, at + 1);
      if (parsed === undefined) return undefined;
      parts.push(parsed.part);
      at = parsed.end;
    } else {
      if (character === "\\") at += 1;
      const literal = characters[at];
      if (literal === undefined) return undefined;
      parts.push({ kind: "one", accepts: (given) => given === literal });
    }
  }
  return parts;
}

/** From behind `[`; `end` is where its `]` stands. */
function parseClass(
  characters: readonly string[],
  from: number,
): { readonly part: Part; readonly end: number } | undefined {
  const isNegated = characters[from] === "^";
  const ranges: (readonly [low: string, high: string])[] = [];
  let at = isNegated ? from + 1 : from;
  while (characters[at] !== "]" || ranges.length === 0) {
    const low = classCharacter(characters, at);
    if (low === undefined) return undefined;
    at = low.next;
    let high = low;
    if (characters[at] === "-") {
      const upper = classCharacter(characters, at + 1);
      if (upper === undefined) return undefined;
      high = upper;
      at = upper.next;
    }
    ranges.push([low.character, high.character]);
  }
  const accepts = (given: string): boolean => ranges.some(([low, high]) => low <= given && given <= high) !== isNegated;
  return { part: { kind: "one", accepts }, end: at };
}

function classCharacter(
  characters: readonly string[],
  at: number,
): { readonly character: string; readonly next: number } | undefined {
  const first = characters[at];
  if (first === undefined || first === "-" || first === "]") return undefined;
  if (first !== "\\") return { character: first, next: at + 1 };
  const escaped = characters[at + 1];
  return escaped === undefined ? undefined : { character: escaped, next: at + 2 };
}
