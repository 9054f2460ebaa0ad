import { parseError } from "./templateError.ts";

/** @see Go text/template/parse/lex.go (item types) */
export type TokenKind =
  | "text"
  | "open"
  | "close"
  | "space"
  | "identifier"
  | "keyword"
  | "field"
  | "variable"
  | "dot"
  | "nil"
  | "bool"
  | "number"
  | "char"
  | "string"
  | "rawString"
  | "pipe"
  | "assign"
  | "declare"
  | "comma"
  | "leftParen"
  | "rightParen"
  | "other"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset in the template. */
  readonly position: number;
  readonly line: number;
}

const KEYWORDS = new Set(["if", "else", "end", "range", "with", "break", "continue", "define", "block", "template"]);
const SIMPLE: Readonly<Record<string, TokenKind>> = {
  "|": "pipe",
  "=": "assign",
  ",": "comma",
  "(": "leftParen",
  ")": "rightParen",
};
const SPACE = /[ \t\r\n]+/y;
const WORD = /[\p{L}\p{Nd}_]+/uy;
const FIELD = /\.[\p{L}_][\p{L}\p{Nd}_]*/uy;
const VARIABLE = /\$[\p{L}\p{Nd}_]*/uy;
const NUMBER = /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y;
const STRING = /"(?:[^"\\\n]|\\[^\n])*"/y;
const CHAR = /'(?:[^'\\\n]|\\[^\n])+'/y;
const RAW = /`[^`]*`/y;
const TERMINATOR = /^(?:[\s.,|:)(=]|[-]?\}\})/;

function goRune(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${char}'`;
}

/** Template text → tokens; trims around `{{-` and `-}}`, drops comments. */
class Lexer {
  readonly #name: string;
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #parens = 0;

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
  }

  run(): readonly Token[] {
    let trimLeft = false;
    for (;;) {
      const open = this.#text.indexOf("{{", this.#position);
      const end = open < 0 ? this.#text.length : open;
      const trimRight = open >= 0 && /^\{\{-\s/.test(this.#text.slice(open, open + 4));
      this.#plain(end, trimLeft, trimRight);
      if (open < 0) break;
      trimLeft = this.#action(open, trimRight);
    }
    this.#add("end", "", this.#text.length);
    return this.#tokens;
  }

  #plain(end: number, trimLeft: boolean, trimRight: boolean): void {
    let text = this.#text.slice(this.#position, end);
    if (trimLeft) text = text.replace(/^[ \t\r\n]+/, "");
    if (trimRight) text = text.replace(/[ \t\r\n]+$/, "");
    if (text !== "") this.#add("text", text, this.#position);
  }

  /** Answers whether the text after the action is trimmed. */
  #action(open: number, trimmed: boolean): boolean {
    this.#position = open + (trimmed ? 3 : 2);
    const comment = /^\s*\/\*/.exec(this.#text.slice(this.#position));
    if (comment !== null) return this.#comment(open);
    this.#add("open", "{{", open);
    this.#parens = 0;
    for (;;) {
      const rest = this.#text.slice(this.#position, this.#position + 4);
      if (rest.startsWith("}}")) return this.#close(2, false);
      if (/^\s-\}\}/.test(rest)) return this.#close(4, true);
      if (rest === "") throw this.#error("unclosed action");
      this.#inside();
    }
  }

  #close(length: number, trims: boolean): boolean {
    if (this.#parens > 0) throw this.#error("unclosed left paren");
    this.#add("close", "}}", this.#position);
    this.#position += length;
    return trims;
  }

  #comment(open: number): boolean {
    const end = this.#text.indexOf("*/", open);
    if (end < 0) throw this.#error("unclosed comment");
    const [close] = /^(?:\s-)?\}\}/.exec(this.#text.slice(end + 2)) ?? [];
    if (close === undefined) throw this.#error("comment ends before closing delimiter");
    this.#position = end + 2 + close.length;
    return close.length > 2;
  }

  #inside(): void {
    const start = this.#position;
    const char = String.fromCodePoint(this.#text.codePointAt(start) ?? 0);
    if (this.#match(SPACE, "space")) return;
    if (char === '"') return this.#quoted(STRING, "string", "unterminated quoted string");
    if (char === "`") return this.#quoted(RAW, "rawString", "unterminated raw quoted string");
    if (char === "'") return this.#quoted(CHAR, "char", "unterminated character constant");
    if (this.#text.startsWith(":=", start)) return this.#take("declare", 2);
    if (char === ":") throw this.#error("expected :=");
    const simple = SIMPLE[char];
    if (simple !== undefined) return this.#punctuation(simple);
    if (char === "$") return this.#terminated(VARIABLE, "variable");
    if (/[+\-\d]/.test(char) || /^\.\d/.test(this.#text.slice(start, start + 2))) return this.#number();
    if (char === ".") return this.#dot();
    if (/[\p{L}_]/u.test(char)) return this.#word();
    if (char > " " && char <= "~") return this.#take("other", 1);
    throw this.#error(`unrecognized character in action: ${goRune(char)}`);
  }

  #punctuation(kind: TokenKind): void {
    if (kind === "leftParen") this.#parens += 1;
    if (kind === "rightParen") {
      this.#parens -= 1;
      if (this.#parens < 0) throw this.#error("unexpected right paren");
    }
    this.#take(kind, 1);
  }

  #dot(): void {
    FIELD.lastIndex = this.#position;
    if (FIELD.test(this.#text)) return this.#terminated(FIELD, "field");
    this.#take("dot", 1);
  }

  #word(): void {
    const start = this.#position;
    WORD.lastIndex = start;
    const [word = ""] = WORD.exec(this.#text) ?? [];
    this.#position = start + word.length;
    this.#needTerminator();
    const kind = KEYWORDS.has(word)
      ? "keyword"
      : word === "true" || word === "false"
        ? "bool"
        : word === "nil"
          ? "nil"
          : "identifier";
    this.#add(kind, word, start);
  }

  #number(): void {
    const start = this.#position;
    if (!this.#match(NUMBER, "number")) this.#position += 1;
    const [tail = ""] = /^[\p{L}\p{Nd}_]*/u.exec(this.#text.slice(this.#position)) ?? [];
    const text = this.#text.slice(start, this.#position + tail.length);
    if (tail !== "" || !/\d/.test(text)) throw this.#error(`bad number syntax: ${JSON.stringify(text)}`);
  }

  #terminated(pattern: RegExp, kind: TokenKind): void {
    this.#match(pattern, kind);
    this.#needTerminator();
  }

  #needTerminator(): void {
    const rest = this.#text.slice(this.#position, this.#position + 3);
    if (rest === "" || TERMINATOR.test(rest)) return;
    throw this.#error(`bad character ${goRune(String.fromCodePoint(rest.codePointAt(0) ?? 0))}`);
  }

  #quoted(pattern: RegExp, kind: TokenKind, missing: string): void {
    if (!this.#match(pattern, kind)) throw this.#error(missing);
  }

  #match(pattern: RegExp, kind: TokenKind): boolean {
    pattern.lastIndex = this.#position;
    const [text] = pattern.exec(this.#text) ?? [];
    if (text === undefined) return false;
    // ` -}}` closes the action; its space is no space token.
    const length =
      kind === "space" && this.#text.startsWith("-}}", this.#position + text.length) ? text.length - 1 : text.length;
    if (length > 0) this.#take(kind, length);
    return true;
  }

  #take(kind: TokenKind, length: number): void {
    this.#add(kind, this.#text.slice(this.#position, this.#position + length), this.#position);
    this.#position += length;
  }

  #add(kind: TokenKind, text: string, position: number): void {
    this.#tokens.push({ kind, text, position, line: this.#lineAt(position) });
  }

  #lineAt(position: number): number {
    return this.#text.slice(0, position).split("\n").length;
  }

  #error(message: string): Error {
    return parseError(this.#name, this.#lineAt(this.#position), message);
  }
}

/** @throws {invalid_argument} in Go's words, e.g. `unclosed action`, `unterminated quoted string`. */
export function lex(name: string, text: string): readonly Token[] {
  return new Lexer(name, text).run();
}
