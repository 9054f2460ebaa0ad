import { goQuote } from "#gotext";
/** How each instruction's arguments are read: text in, arguments out. Nothing is expanded, quotes stay. */
import type { EscapeCharacter } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { isSpace, trimSpace, trimSpaceLeft } from "./goSpace.ts";

export interface ParsedArguments {
  readonly args: readonly string[];
  readonly json?: boolean;
}

const BLANKS = /[\t\v\f\r ]+/;

/** Text before the first run of blanks, and what is behind it. */
function cutAtBlanks(text: string): readonly [string, string | undefined] {
  const match = BLANKS.exec(text);
  return match === null ? [text, undefined] : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}

/** Words divided by spaces; quotes and escapes keep spaces in a word and stay in it. */
export function quotedWords(text: string, escape: EscapeCharacter): readonly string[] {
  const words: string[] = [];
  let word = "";
  let started = false;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && isSpace(character)) {
      if (word !== "" || started) words.push(word);
      word = "";
      started = false;
      continue;
    }
    if (character === escape && quote !== "'") {
      // An escape at the end of the line escapes nothing.
      if (at + 1 < text.length) word += character + text.charAt(at + 1);
      at += 1;
      continue;
    }
    if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
      started = true;
    } else if (character === quote) quote = "";
    word += character;
  }
  if (word !== "" || started) words.push(word);
  return words;
}

/** `name=value …`, or the old `name value`: three arguments a pair. */
function parsePairs(text: string, escape: EscapeCharacter, keyword: string): ParsedArguments {
  const words = quotedWords(text, escape);
  const [first] = words;
  if (first === undefined) return { args: [] };
  if (!first.includes("=")) {
    const [name, value] = cutAtBlanks(text);
    if (value === undefined) throw invalidDockerfile(`${keyword} must have two arguments`);
    return { args: [name, value, ""] };
  }
  return {
    args: words.flatMap((word) => {
      const at = word.indexOf("=");
      if (at < 0) {
        throw invalidDockerfile(`Syntax error - can't find = in ${goQuote(word)}. Must be of the form: name=value`);
      }
      return [word.slice(0, at), word.slice(at + 1), "="];
    }),
  };
}

function parseJson(text: string): ParsedArguments | undefined {
  const trimmed = trimSpaceLeft(text);
  if (!trimmed.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const args = value.map((item: unknown) => {
    if (typeof item === "string") return item.toWellFormed();
    throw invalidDockerfile("when using JSON array syntax, arrays must be comprised of strings only");
  });
  return { args, json: true };
}

function parseBlanks(text: string): ParsedArguments {
  return { args: text === "" ? [] : text.split(BLANKS) };
}

function parseWhole(text: string): ParsedArguments {
  return { args: text === "" ? [] : [text] };
}

function parseHealth(text: string): ParsedArguments {
  let end = 0;
  while (end < text.length && !isSpace(text.charAt(end))) end += 1;
  if (end === 0) return { args: [] };
  const rest = trimSpaceLeft(text.slice(end));
  const command = parseJson(rest) ?? parseWhole(rest);
  return { ...command, args: [text.slice(0, end), ...command.args] };
}

type LineParser = (text: string, escape: EscapeCharacter) => ParsedArguments;

const jsonOrWhole: LineParser = (text) => parseJson(text) ?? parseWhole(text);
const jsonOrBlanks: LineParser = (text) => parseJson(text) ?? parseBlanks(text);

/** By instruction in lower case; ONBUILD is the parser's own. */
const PARSERS: Readonly<Record<string, LineParser>> = {
  add: jsonOrBlanks,
  arg: (text, escape) => ({ args: quotedWords(text, escape) }),
  cmd: jsonOrWhole,
  copy: jsonOrBlanks,
  entrypoint: jsonOrWhole,
  env: (text, escape) => parsePairs(text, escape, "ENV"),
  expose: parseBlanks,
  from: parseBlanks,
  healthcheck: parseHealth,
  label: (text, escape) => parsePairs(text, escape, "LABEL"),
  maintainer: parseWhole,
  run: jsonOrWhole,
  shell: jsonOrWhole,
  stopsignal: parseWhole,
  user: parseWhole,
  volume: jsonOrBlanks,
  workdir: parseWhole,
};

/** Words that begin an instruction. */
export const KEYWORDS: readonly string[] = [...Object.keys(PARSERS), "onbuild"].sort();

/** The arguments of an instruction (lower case); those of an unknown one are an empty word. */
export function parseArguments(keyword: string, text: string, escape: EscapeCharacter): ParsedArguments {
  const parser = Object.hasOwn(PARSERS, keyword) ? PARSERS[keyword] : undefined;
  return parser === undefined ? { args: [""] } : parser(text, escape);
}

export interface SplitLine {
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly rest: string;
}

/** Divides a line into its instruction, the `--flags` that follow, and the rest. */
export function splitLine(line: string, escape: EscapeCharacter): SplitLine {
  const [keyword, text] = cutAtBlanks(trimSpace(line));
  if (text === undefined) return { keyword, flags: [], rest: "" };
  const { flags, end } = leadingFlags(text, escape);
  return { keyword, flags, rest: trimSpace(text.slice(end)) };
}

function leadingFlags(
  text: string,
  escape: EscapeCharacter,
): { readonly flags: readonly string[]; readonly end: number } {
  const flags: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (isSpace(text.charAt(at))) {
      at += 1;
      continue;
    }
    if (!text.startsWith("--", at)) break;
    const word = flagWord(text, at, escape);
    at = word.end;
    // A bare `--` ends the flags; at the end of the line there is nothing to end.
    if (word.value === "--") break;
    flags.push(word.value);
  }
  return { flags, end: at };
}

/** One flag, its quotes and escapes taken away. */
function flagWord(
  text: string,
  from: number,
  escape: EscapeCharacter,
): { readonly value: string; readonly end: number } {
  let value = "";
  let quote = "";
  let at = from;
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && isSpace(character)) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === escape) {
      at += 1;
      value += text.charAt(at);
    } else value += character;
  }
  return { value, end: Math.min(at, text.length) };
}
