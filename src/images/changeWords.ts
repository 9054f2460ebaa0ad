/** Words of a Dockerfile instruction: quotes, escapes and variables, as BuildKit's shell lexer reads them. */
import { invalidChange } from "./imageErrors.ts";

const ESCAPE = "\\";
const VARIABLE = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+?])([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/;
const UNQUOTED = /^[^\\'"$]+/;
const IN_DOUBLE_QUOTES = /^[^\\"$]+/;

/** Values of variables by name. */
export type Variables = ReadonlyMap<string, string>;

/** Words as they stand, quotes and escapes kept; an open quote takes the rest of the line. */
export function splitWords(text: string): readonly string[] {
  const words = text.matchAll(/(?:\\[^]|'[^']*(?:'|$)|"(?:\\[^]|[^"\\])*(?:"|\\?$)|[^\s'"\\]|\\$)+/g);
  return [...words].map(([word]) => word);
}

/** A word's value: variables put in, quotes and escapes taken away. @throws {invalid_argument} for an open quote or a bad substitution */
export function expandWord(word: string, variables: Variables): string {
  return new WordReader(word, variables).read();
}

class WordReader {
  readonly #word: string;
  readonly #variables: Variables;
  #at = 0;
  #value = "";

  constructor(word: string, variables: Variables) {
    this.#word = word;
    this.#variables = variables;
  }

  read(): string {
    while (this.#at < this.#word.length) {
      const sign = this.#word[this.#at];
      if (sign === "'") this.#singleQuoted();
      else if (sign === '"') this.#doubleQuoted();
      else if (sign === "$") this.#variable();
      else if (sign === ESCAPE) this.#escaped();
      else this.#literal(UNQUOTED);
    }
    return this.#value;
  }

  #singleQuoted(): void {
    const end = this.#word.indexOf("'", this.#at + 1);
    if (end < 0) throw this.#bad("unexpected end of statement while looking for matching single-quote");
    this.#value += this.#word.slice(this.#at + 1, end);
    this.#at = end + 1;
  }

  #doubleQuoted(): void {
    this.#at += 1;
    for (let sign = this.#word[this.#at]; sign !== '"'; sign = this.#word[this.#at]) {
      if (sign === undefined) throw this.#bad("unexpected end of statement while looking for matching double-quote");
      if (sign === "$") this.#variable();
      else if (sign === ESCAPE) this.#escapedInQuotes();
      else this.#literal(IN_DOUBLE_QUOTES);
    }
    this.#at += 1;
  }

  /** A lone escape at the end vanishes. */
  #escaped(): void {
    this.#value += this.#word[this.#at + 1] ?? "";
    this.#at += 2;
  }

  #escapedInQuotes(): void {
    const next = this.#word[this.#at + 1] ?? "";
    this.#value += /["$\\]/.test(next) ? next : ESCAPE + next;
    this.#at += 2;
  }

  #literal(pattern: RegExp): void {
    const [text = ""] = pattern.exec(this.#word.slice(this.#at)) ?? [];
    this.#value += text;
    this.#at += text.length;
  }

  #variable(): void {
    const found = VARIABLE.exec(this.#word.slice(this.#at));
    if (found === null) {
      if (this.#word.startsWith("${", this.#at)) throw this.#bad("unsupported or malformed substitution");
      this.#value += "$";
      this.#at += 1;
      return;
    }
    const [whole, braced, operator, alternative = "", plain = ""] = found;
    const name = braced ?? plain;
    this.#value +=
      operator === undefined ? (this.#variables.get(name) ?? "") : this.#choose(name, operator, alternative);
    this.#at += whole.length;
  }

  #choose(name: string, operator: string, alternative: string): string {
    const value = this.#variables.get(name);
    const isSet = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
    const other = (): string => expandWord(alternative, this.#variables);
    if (operator.endsWith("+")) return isSet ? other() : "";
    if (isSet) return value ?? "";
    if (operator.endsWith("-")) return other();
    throw this.#bad(`${name}: ${alternative === "" ? "is not allowed to be unset" : other()}`);
  }

  #bad(why: string): Error {
    return invalidChange(`failed to process ${JSON.stringify(this.#word)}: ${why}`);
  }
}
