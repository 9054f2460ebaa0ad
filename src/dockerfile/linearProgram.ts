/**
 * The part of Go's regular expressions that the pattern of an ignore file can become, as a program without backtracking:
 * classes, `*` and `?` and counts, groups, alternatives, anchors, escapes. No captures.
 */

export type CharacterTest = (codePoint: number) => boolean;
export type Assertion = "begin" | "end" | "boundary" | "no-boundary";

/** `next` are indices; a program starts at its last instruction. */
export type ProgramStep =
  | { readonly op: "match" }
  | { readonly op: "take"; readonly test: CharacterTest; readonly next: number }
  | { readonly op: "assert"; readonly assertion: Assertion; readonly next: number }
  | { readonly op: "split"; next: readonly number[] };

/** A part of an expression. */
type Part =
  | { readonly kind: "take"; readonly test: CharacterTest }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "all"; readonly parts: readonly Part[] }
  | { readonly kind: "one"; readonly parts: readonly Part[] }
  | { readonly kind: "repeat"; readonly part: Part; readonly min: number; readonly max: number };

/** Beyond this no path is long enough to match, or the counts are hostile. */
const MAX_STEPS = 20_000;
const MAX_COUNT = 1000;
const COUNT = /^\{([0-9]+)(?:(,)([0-9]*))?\}/;

export function isWordCharacter(codePoint: number): boolean {
  return codePoint < 128 && /\w/.test(String.fromCharCode(codePoint));
}

function matchOf(expression: RegExp): CharacterTest {
  return (codePoint) => expression.test(String.fromCodePoint(codePoint));
}

function range(low: number, high: number): CharacterTest {
  return (codePoint) => codePoint >= low && codePoint <= high;
}

function negate(test: CharacterTest): CharacterTest {
  return (codePoint) => !test(codePoint);
}

const PERL: Readonly<Record<string, CharacterTest>> = {
  d: matchOf(/[0-9]/),
  D: matchOf(/[^0-9]/),
  s: matchOf(/[\t\n\f\r ]/),
  S: matchOf(/[^\t\n\f\r ]/),
  w: isWordCharacter,
  W: negate(isWordCharacter),
};
const POSIX: Readonly<Record<string, CharacterTest>> = {
  alnum: matchOf(/[0-9A-Za-z]/),
  alpha: matchOf(/[A-Za-z]/),
  ascii: range(0, 0x7f),
  blank: matchOf(/[\t ]/),
  cntrl: (codePoint) => codePoint < 0x20 || codePoint === 0x7f,
  digit: matchOf(/[0-9]/),
  graph: range(0x21, 0x7e),
  lower: matchOf(/[a-z]/),
  print: range(0x20, 0x7e),
  punct: matchOf(/[!-/:-@[-`{-~]/),
  space: matchOf(/[\t\n\v\f\r ]/),
  upper: matchOf(/[A-Z]/),
  word: isWordCharacter,
  xdigit: matchOf(/[0-9A-Fa-f]/),
};
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ASSERTIONS: Readonly<Record<string, Assertion>> = { A: "begin", z: "end", b: "boundary", B: "no-boundary" };
/** The letters that stand for a general category alone. */
const CATEGORIES = "CLMNPSZ";

const codeOf = (character: string): number => character.codePointAt(0) ?? 0;

class WrongExpression extends Error {}

class ExpressionParser {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#characters = Array.from(text);
  }

  parse(): Part {
    const part = this.#alternatives();
    if (this.#at < this.#characters.length) throw new WrongExpression("unexpected )");
    return part;
  }

  #peek(ahead = 0): string {
    return this.#characters[this.#at + ahead] ?? "";
  }

  #take(): string {
    const character = this.#characters[this.#at];
    if (character === undefined) throw new WrongExpression("ends too early");
    this.#at += 1;
    return character;
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#skip("|")) parts.push(this.#sequence());
    return { kind: "one", parts };
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#characters.length && this.#peek() !== "|" && this.#peek() !== ")") {
      if (this.#peek() === "\\" && this.#peek(1) === "Q") this.#quoted(parts);
      else parts.push(this.#repeated());
    }
    return { kind: "all", parts };
  }

  #quoted(parts: Part[]): void {
    this.#at += 2;
    while (this.#at < this.#characters.length) {
      if (this.#peek() === "\\" && this.#peek(1) === "E") {
        this.#at += 2;
        return;
      }
      const code = codeOf(this.#take());
      parts.push({ kind: "take", test: range(code, code) });
    }
  }

  #repeated(): Part {
    if (this.#count() !== undefined) throw new WrongExpression("nothing to repeat");
    const part = this.#atom();
    const count = this.#count();
    if (count === undefined) return part;
    if (this.#count() !== undefined) throw new WrongExpression("repeated twice");
    return { kind: "repeat", part, ...count };
  }

  #count(): { readonly min: number; readonly max: number } | undefined {
    if (this.#skip("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#skip("?")) return { min: 0, max: 1 };
    if (this.#peek() !== "{") return undefined;
    const match = COUNT.exec(this.#characters.slice(this.#at, this.#at + 16).join(""));
    if (match === null) return undefined;
    this.#at += match[0].length;
    const min = Number(match[1]);
    let max = min;
    if (match[2] !== undefined) max = match[3] === "" ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (min > MAX_COUNT || max < min || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
      throw new WrongExpression("invalid count");
    }
    return { min, max };
  }

  #atom(): Part {
    const character = this.#take();
    switch (character) {
      case "^":
        return { kind: "assert", assertion: "begin" };
      case "$":
        return { kind: "assert", assertion: "end" };
      case ".":
        return { kind: "take", test: (codePoint) => codePoint !== 10 };
      case "[":
        return { kind: "take", test: this.#characterClass() };
      case "(": {
        const part = this.#alternatives();
        if (!this.#skip(")")) throw new WrongExpression("missing )");
        return part;
      }
      case "\\":
        return this.#escapedAtom();
      default:
        return { kind: "take", test: range(codeOf(character), codeOf(character)) };
    }
  }

  #escapedAtom(): Part {
    const letter = this.#peek();
    const assertion = Object.hasOwn(ASSERTIONS, letter) ? ASSERTIONS[letter] : undefined;
    if (assertion !== undefined) {
      this.#at += 1;
      return { kind: "assert", assertion };
    }
    const named = this.#namedClass();
    if (named !== undefined) return { kind: "take", test: named };
    const code = this.#escape();
    return { kind: "take", test: range(code, code) };
  }

  /** `\d`, `\pL` and their like, behind the backslash. */
  #namedClass(): CharacterTest | undefined {
    const letter = this.#peek();
    if (Object.hasOwn(PERL, letter)) {
      this.#at += 1;
      return PERL[letter];
    }
    if (letter !== "p" && letter !== "P") return undefined;
    const category = this.#peek(1);
    if (!CATEGORIES.includes(category) || category === "") throw new WrongExpression("invalid character class");
    this.#at += 2;
    const test = matchOf(new RegExp(`\\p{${category}}`, "u"));
    return letter === "P" ? negate(test) : test;
  }

  #escape(): number {
    const character = this.#take();
    if (/^[1-7]$/.test(character) && !/^[0-7]$/.test(this.#peek())) throw new WrongExpression("invalid escape");
    if (/^[0-7]$/.test(character)) return this.#octal(character);
    if (character === "x") return this.#hexadecimal();
    if (Object.hasOwn(CONTROL, character)) return CONTROL[character] ?? 0;
    if (codeOf(character) >= 128 || /[0-9A-Za-z]/.test(character)) throw new WrongExpression("invalid escape");
    return codeOf(character);
  }

  #octal(first: string): number {
    let digits = first;
    while (digits.length < 3 && /^[0-7]$/.test(this.#peek())) digits += this.#take();
    return Number.parseInt(digits, 8);
  }

  #hexadecimal(): number {
    let digits = "";
    if (this.#skip("{")) {
      while (!this.#skip("}")) digits += this.#take();
    } else digits = this.#take() + this.#take();
    const code = /^[0-9A-Fa-f]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
    if (!(code <= 0x10ffff)) throw new WrongExpression("invalid escape");
    return code;
  }

  #characterClass(): CharacterTest {
    const negated = this.#skip("^");
    const tests: CharacterTest[] = [];
    for (let first = true; first || this.#peek() !== "]"; first = false) tests.push(this.#classMember());
    this.#at += 1;
    const test: CharacterTest = (codePoint) => tests.some((member) => member(codePoint));
    return negated ? negate(test) : test;
  }

  #classMember(): CharacterTest {
    if (this.#peek() === "[" && this.#peek(1) === ":") {
      const posix = this.#posixClass();
      if (posix !== undefined) return posix;
    }
    if (this.#peek() === "\\") {
      this.#at += 1;
      const named = this.#namedClass();
      if (named !== undefined) return named;
      this.#at -= 1;
    }
    const low = this.#classCharacter();
    if (this.#peek() !== "-" || this.#peek(1) === "]" || this.#peek(1) === "") return range(low, low);
    this.#at += 1;
    const high = this.#classCharacter();
    if (high < low) throw new WrongExpression("invalid character class range");
    return range(low, high);
  }

  #classCharacter(): number {
    return this.#skip("\\") ? this.#escape() : codeOf(this.#take());
  }

  #posixClass(): CharacterTest | undefined {
    const text = this.#characters.slice(this.#at, this.#at + 16).join("");
    const match = /^\[:(\^?)([^:]*):\]/.exec(text);
    if (match === null) return undefined;
    const test = Object.hasOwn(POSIX, match[2] ?? "") ? POSIX[match[2] ?? ""] : undefined;
    if (test === undefined) throw new WrongExpression("invalid character class range");
    this.#at += match[0].length;
    return match[1] === "^" ? negate(test) : test;
  }
}

class ProgramWriter {
  readonly steps: ProgramStep[] = [{ op: "match" }];

  #push(step: ProgramStep): number {
    if (this.steps.length >= MAX_STEPS) throw new WrongExpression("expression too large");
    this.steps.push(step);
    return this.steps.length - 1;
  }

  /** Adds what does `part` and goes on at `next`; the index to begin at. */
  write(part: Part, next: number): number {
    switch (part.kind) {
      case "take":
        return this.#push({ op: "take", test: part.test, next });
      case "assert":
        return this.#push({ op: "assert", assertion: part.assertion, next });
      case "all":
        return part.parts.reduceRight((after, inner) => this.write(inner, after), next);
      case "one":
        if (part.parts.length === 1 && part.parts[0] !== undefined) return this.write(part.parts[0], next);
        return this.#push({ op: "split", next: part.parts.map((inner) => this.write(inner, next)) });
      case "repeat":
        return this.#repeat(part, next);
    }
  }

  #repeat(repeat: Part & { readonly kind: "repeat" }, next: number): number {
    let at = next;
    if (repeat.max === Number.POSITIVE_INFINITY) {
      const loop: ProgramStep = { op: "split", next: [] };
      at = this.#push(loop);
      loop.next = [this.write(repeat.part, at), next];
    } else {
      for (let count = repeat.min; count < repeat.max; count += 1) {
        at = this.#push({ op: "split", next: [this.write(repeat.part, at), next] });
      }
    }
    for (let count = 0; count < repeat.min; count += 1) at = this.write(repeat.part, at);
    return at;
  }
}

/** The program of an expression; undefined for one that Go refuses, and for one that is too large for any path. */
export function compileLinear(expression: string): readonly ProgramStep[] | undefined {
  try {
    const writer = new ProgramWriter();
    const start = writer.write(new ExpressionParser(expression).parse(), 0);
    writer.steps.push({ op: "split", next: [start] });
    return writer.steps;
  } catch (error) {
    if (error instanceof WrongExpression) return undefined;
    throw error;
  }
}
