/**
 * What a pattern of an ignore file means. The reference implementation turns a pattern into the text of a regular
 * expression and leaves the rest to that language; its accidents are rules by now (`[a*b]`, `\d`, `x|y*`), so the same
 * text is made here.
 */
export type IgnorePatternForm =
  | { readonly kind: "exact"; readonly text: string }
  | { readonly kind: "prefix"; readonly text: string }
  | { readonly kind: "suffix"; readonly text: string }
  | { readonly kind: "expression"; readonly text: string };

const ESCAPED: ReadonlySet<string> = new Set([".", "+", "(", ")", "$"]);
const ANY_NAME = "[^/]*";
const ANY_DIRECTORIES = "(.*/)?";

class Translator {
  readonly #characters: readonly string[];
  #at = 0;
  #expression = "^";
  #kind: IgnorePatternForm["kind"] = "exact";

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  translate(): { readonly kind: IgnorePatternForm["kind"]; readonly expression: string } {
    while (this.#at < this.#characters.length) this.#next();
    return { kind: this.#kind, expression: `${this.#expression}$` };
  }

  #take(): string {
    const character = this.#characters[this.#at] ?? "";
    this.#at += 1;
    return character;
  }

  #wild(text: string): void {
    this.#expression += text;
    this.#kind = "expression";
  }

  #next(): void {
    const character = this.#take();
    if (character === "*") this.#star();
    else if (character === "?") this.#wild("[^/]");
    else if (ESCAPED.has(character)) this.#expression += `\\${character}`;
    else if (character === "\\" && this.#at < this.#characters.length) this.#wild(`\\${this.#take()}`);
    else if (character === "[" || character === "]") this.#wild(character);
    else this.#expression += character;
  }

  #star(): void {
    const first = this.#at === 1;
    if (this.#characters[this.#at] !== "*") {
      this.#wild(ANY_NAME);
      return;
    }
    this.#at += 1;
    if (this.#characters[this.#at] === "/") this.#at += 1;
    if (this.#at < this.#characters.length) this.#wild(ANY_DIRECTORIES);
    else if (this.#kind === "exact") this.#kind = "prefix";
    else this.#wild(".*");
    if (first) this.#kind = "suffix";
  }
}

export function ignorePatternForm(pattern: string): IgnorePatternForm {
  const { kind, expression } = new Translator(pattern).translate();
  switch (kind) {
    case "exact":
      return { kind, text: pattern };
    case "prefix":
      return { kind, text: pattern.slice(0, -2) };
    case "suffix":
      return { kind, text: pattern.slice(2) };
    case "expression":
      return { kind, text: expression };
  }
}

class SyntaxChecker {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  valid(): boolean {
    while (this.#at < this.#characters.length) {
      const character = this.#characters[this.#at];
      this.#at += 1;
      if (character === "\\") {
        if (this.#at >= this.#characters.length) return false;
        this.#at += 1;
      } else if (character === "[" && !this.#bracket()) return false;
    }
    return true;
  }

  #bracket(): boolean {
    if (this.#characters[this.#at] === "^") this.#at += 1;
    for (let count = 0; count === 0 || this.#characters[this.#at] !== "]"; count += 1) {
      if (!this.#member()) return false;
      if (this.#characters[this.#at] !== "-") continue;
      this.#at += 1;
      if (!this.#member()) return false;
    }
    this.#at += 1;
    return true;
  }

  /** One character of a class; something must follow it. */
  #member(): boolean {
    const character = this.#characters[this.#at];
    if (character === undefined || character === "-" || character === "]") return false;
    this.#at += character === "\\" ? 2 : 1;
    return this.#at < this.#characters.length;
  }
}

/** Whether Go's filepath.Match takes the pattern. */
export function isPatternValid(pattern: string): boolean {
  return new SyntaxChecker(pattern).valid();
}
