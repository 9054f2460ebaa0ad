import type { Heredoc } from "./ast.ts";
import { expandWord } from "./expandWord.ts";

const HEREDOC = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/;
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

export type HeredocHead = Omit<Heredoc, "content">;

const quotesIn = (text: string): number => text.match(/['"]/g)?.length ?? 0;

/** The document that a word announces: `<<EOF`, `3<<-"EOF"`. Undefined for any other word. */
export function parseHeredocWord(word: string): HeredocHead | undefined {
  const [, fileDescriptor = "", chomp = "", rest = ""] = HEREDOC.exec(word) ?? [];
  if (rest === "") return undefined;
  const [name, ...others] = expandWord(rest, NO_VARIABLES, { keepUnset: true }).words;
  if (name === undefined || others.length > 0) return undefined;
  const [raw = ""] = expandWord(rest, NO_VARIABLES, { keepUnset: true, rawQuotes: true }).words;
  return {
    name,
    fileDescriptor: fileDescriptor === "" ? 0 : Number(fileDescriptor),
    chomp: chomp === "-",
    // A quote that went away was one that quoted.
    expand: quotesIn(name) === quotesIn(raw),
  };
}

/** The documents that a line announces, in order. A line that does not lex announces none. */
export function heredocsOfLine(line: string): readonly HeredocHead[] {
  let words: readonly string[];
  try {
    words = expandWord(line, NO_VARIABLES, { keepUnset: true, rawQuotes: true, rawEscapes: true }).words;
  } catch {
    // As BuildKit: the shell that runs it will say what is wrong.
    return [];
  }
  return words
    .filter((word) => word.includes("<<"))
    .map((word) => parseHeredocWord(word))
    .filter((heredoc) => heredoc !== undefined);
}

/** Takes the leading tabs of each line away, as `<<-` asks. */
export function chompTabs(content: string): string {
  return content.replace(/(^|\n)\t+/g, "$1");
}
