import { wrapError } from "#errors";
import { goQuote } from "#gotext";

import type { EscapeCharacter } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { isSpace, words as splitWords } from "./goSpace.ts";
import { substitute, trimPrefix, trimSuffix } from "./shellPattern.ts";

/** Where values of variables come from; a `Map<string, string>` will do. */
export interface Variables {
  get(name: string): string | undefined;
}

export interface ExpandOptions {
  /** Default `\`. */
  readonly escape?: EscapeCharacter;
  /** Quotes stay in the result. */
  readonly rawQuotes?: boolean;
  /** Escape characters stay in the result. */
  readonly rawEscapes?: boolean;
  /** Quotes mean nothing: they are ordinary characters (contents of heredocs). */
  readonly ignoreQuotes?: boolean;
  /** `$x` of an unset variable stays as written. */
  readonly keepUnset?: boolean;
}

export interface Expansion {
  readonly result: string;
  /** The result split at spaces outside quotes. */
  readonly words: readonly string[];
  /** Names that had a value. */
  readonly matched: ReadonlySet<string>;
  /** Names that had none. */
  readonly unmatched: ReadonlySet<string>;
}

const MAX_SHOWN = 1000;
const MAX_DEPTH = 200;
/** By how much expansion may lengthen a text: `ENV A=$A$A` again and again doubles it each time. */
const MAX_GROWTH = 1 << 20;
const NAME = /\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*/uy;
const END = "\uFFFD";

interface Piece {
  readonly result: string;
  readonly words: readonly string[];
}

class WordList {
  readonly #words: string[] = [];
  #current = "";

  /** Text that spaces divide. */
  add(text: string): void {
    const parts = splitWords(text);
    if (text !== "" && isSpace(text.charAt(0))) this.#flush();
    parts.forEach((part, index) => {
      if (index > 0) this.#flush();
      this.#current += part;
    });
    if (text !== "" && isSpace(text.charAt(text.length - 1))) this.#flush();
  }

  /** Quoted text: its spaces are part of the word. */
  addRaw(text: string): void {
    this.#current += text;
  }

  #flush(): void {
    if (this.#current !== "") this.#words.push(this.#current);
    this.#current = "";
  }

  finish(): readonly string[] {
    this.#flush();
    return this.#words;
  }
}

function missingVariable(name: string, word: string, value: string | undefined): Error {
  const reason = `is not allowed to be ${value === undefined ? "unset" : "empty"}`;
  return invalidDockerfile(`${name}: ${word || reason}`);
}

class Expander {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #options: ExpandOptions;
  readonly #escape: EscapeCharacter;
  readonly #runs = new Map<string, RegExp>();
  readonly matched: Set<string> = new Set<string>();
  readonly unmatched: Set<string> = new Set<string>();
  #at = 0;
  #depth = 0;
  #grown = 0;
  #rawEscapes: boolean;

  constructor(text: string, variables: Variables, options: ExpandOptions) {
    this.#text = text;
    this.#variables = variables;
    this.#options = options;
    this.#escape = options.escape ?? "\\";
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  run(): Piece {
    return this.#until("", this.#rawEscapes);
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return "";
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  /** Characters from here that mean nothing special. */
  #plain(stop: string): string {
    let run = this.#runs.get(stop);
    if (run === undefined) {
      const quotes = this.#options.ignoreQuotes === true ? [] : ["'", '"'];
      const special = ["$", "<", ...quotes, this.#escape, stop].filter((character) => character !== "");
      // Without the `u` flag: any character may stand behind the backslash.
      run = new RegExp(`[^\\${special.join("\\")}]+`, "y");
      this.#runs.set(stop, run);
    }
    run.lastIndex = this.#at;
    const text = run.exec(this.#text)?.[0] ?? "";
    this.#at += text.length;
    return text;
  }

  /** Up to `stop` (which is taken), or to the end where it is empty. */
  #until(stop: string, rawEscapes: boolean): Piece {
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw invalidDockerfile("substitutions are nested too deeply");
    const words = new WordList();
    let result = "";
    for (;;) {
      const character = this.#peek();
      if (character === stop) break;
      if (character === "") {
        throw invalidDockerfile(`unexpected end of statement while looking for matching ${stop}`);
      }
      const raw = this.#special(character);
      if (raw === undefined) {
        const text = character === "$" ? this.#dollar() : this.#plain(stop);
        result += text;
        words.add(text);
      } else {
        result += raw;
        words.addRaw(raw);
      }
    }
    this.#at += stop.length;
    this.#rawEscapes = outer;
    this.#depth -= 1;
    return { result, words: words.finish() };
  }

  /** Quotes, escapes and `<<`: text that no space divides. */
  #special(character: string): string | undefined {
    if (character === this.#escape) {
      this.#at += 1;
      return (this.#rawEscapes ? character : "") + this.#next();
    }
    if (character === "<") return this.#heredocMark();
    if (this.#options.ignoreQuotes === true) return undefined;
    if (character === "'") return this.#singleQuoted();
    return character === '"' ? this.#doubleQuoted() : undefined;
  }

  #heredocMark(): string {
    const mark = /<(?:<[\t\r ]*)?/y;
    mark.lastIndex = this.#at;
    const text = mark.exec(this.#text)?.[0] ?? "<";
    this.#at += text.length;
    return text;
  }

  #singleQuoted(): string {
    const close = this.#text.indexOf("'", this.#at + 1);
    if (close < 0) {
      this.#at = this.#text.length;
      throw invalidDockerfile("unexpected end of statement while looking for matching single-quote");
    }
    const raw = this.#options.rawQuotes === true;
    const text = this.#text.slice(raw ? this.#at : this.#at + 1, raw ? close + 1 : close);
    this.#at = close + 1;
    return text;
  }

  #doubleQuoted(): string {
    const quote = this.#options.rawQuotes === true ? '"' : "";
    this.#at += 1;
    let result = quote;
    for (;;) {
      const character = this.#peek();
      if (character === "") {
        throw invalidDockerfile("unexpected end of statement while looking for matching double-quote");
      }
      if (character === '"') {
        this.#at += 1;
        return result + quote;
      }
      if (character === "$") result += this.#dollar();
      else if (character === this.#escape) result += this.#escapedInQuotes();
      else result += this.#plain('"');
      // Not special within quotes.
      while (this.#peek() === "'" || this.#peek() === "<") result += this.#next();
    }
  }

  #escapedInQuotes(): string {
    this.#at += 1;
    const raw = this.#rawEscapes ? this.#escape : "";
    const next = this.#peek();
    if (next === "") return raw;
    if (next !== '"' && next !== "$" && next !== this.#escape) return raw + this.#escape;
    this.#at += 1;
    return raw + next;
  }

  #dollar(): string {
    this.#at += 1;
    const value = this.#peek() === "{" ? this.#braced() : this.#bare();
    this.#grown += value.length;
    if (this.#grown > this.#text.length + MAX_GROWTH) throw invalidDockerfile("expanded value is too long");
    return value;
  }

  #bare(): string {
    const name = this.#name();
    if (name === "") return "$";
    return this.#lookup(name) ?? (this.#options.keepUnset === true ? `$${name}` : "");
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  #lookup(name: string): string | undefined {
    const value = this.#variables.get(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }

  #braced(): string {
    this.#at += 1;
    const first = this.#peek();
    if (first === "") throw invalidDockerfile("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") throw invalidDockerfile("syntax error: bad substitution");
    const name = this.#name();
    const sign = this.#next();
    if (sign === "}") return this.#lookup(name) ?? (this.#options.keepUnset === true ? `\${${name}}` : "");
    if (sign === ":") return this.#modified(name, this.#next() || END, true);
    if (sign === "/") return this.#replaced(name);
    if ("+-?#%".includes(sign) && sign !== "") return this.#modified(name, sign, false);
    throw invalidDockerfile(`unsupported modifier (${sign || END}) in substitution`);
  }

  /** Up to the closing character of a substitution. */
  #part(stop: string, rawEscapes: boolean, missing: string): string {
    try {
      return this.#until(stop, rawEscapes).result;
    } catch (error) {
      if (this.#at >= this.#text.length) throw invalidDockerfile(`syntax error: missing ${missing}`);
      throw error;
    }
  }

  #modified(name: string, sign: string, colon: boolean): string {
    const shown = `${colon ? ":" : ""}${sign}`;
    const trims = sign === "#" || sign === "%";
    const unsupported = invalidDockerfile(`unsupported modifier (${shown}) in substitution`);
    if (colon && trims) throw unsupported;
    const word = this.#part("}", trims, "'}'");
    const value = this.#lookup(name);
    if (value === undefined && this.#options.keepUnset === true) return `\${${name}${shown}${word}}`;
    if (trims) {
      const greedy = word.startsWith(sign);
      return (sign === "%" ? trimSuffix : trimPrefix)(value ?? "", greedy ? word.slice(1) : word, { greedy });
    }
    const present = colon && value === "" ? undefined : value;
    if (sign === "-") return present ?? word;
    if (sign === "+") return present === undefined ? "" : word;
    if (sign !== "?") throw unsupported;
    if (present !== undefined) return present;
    throw missingVariable(name, word, value);
  }

  #replaced(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at += 1;
    const pattern = this.#part("/", true, "'/' in ${}");
    const replacement = this.#part("}", true, "'}'");
    const value = this.#lookup(name);
    if (value === undefined && this.#options.keepUnset === true) return `\${${name}/${pattern}/${replacement}}`;
    return substitute(value ?? "", pattern, { replacement, all });
  }
}

/** An error is one line to read, whatever the size of the word. */
function clipped(word: string): string {
  return word.length <= MAX_SHOWN ? word : `${word.slice(0, MAX_SHOWN)}…`;
}

/**
 * Expands variables as a shell does (`$x`, `${x}`, `${x:-word}`, `-`, `:+`, `+`, `:?`, `?`, `#`, `##`, `%`, `%%`, `/`,
 * `//`), and takes quotes and escapes away. Tells which names were used.
 * @throws {invalid_argument} in BuildKit's words, where quotes or braces are not closed, a `?` finds nothing, a modifier
 * or pattern is unknown, or the result would be longer than the text by a MiB.
 * @see Dockerfile reference, "Environment replacement"
 */
export function expandWord(word: string, variables: Variables, options: ExpandOptions = {}): Expansion {
  const expander = new Expander(word, variables, options);
  try {
    const { result, words } = expander.run();
    return { result, words, matched: expander.matched, unmatched: expander.unmatched };
  } catch (error) {
    throw wrapError(error, `failed to process ${goQuote(clipped(word))}`);
  }
}
