import { invalidChange } from "./imageErrors.ts";

/** One Dockerfile instruction. */
export interface Instruction {
  /** As typed. */
  readonly name: string;
  /** What follows, trimmed. */
  readonly rest: string;
}

/** A list of words, and whether it was written as a JSON array. */
export interface ArgumentList {
  readonly isJson: boolean;
  readonly words: readonly string[];
}

/** Instructions of `-c` options, one or more lines each: comments dropped, continued lines joined. */
export function readInstructions(changes: readonly string[]): readonly Instruction[] {
  const instructions: Instruction[] = [];
  let open = "";
  for (const line of [...changes.join("\n").split("\n"), ""]) {
    if (/^\s*#/.test(line)) continue;
    const continued = /^(.*)\\[ \t]*$/.exec(line);
    open += continued?.[1] ?? line;
    if (continued !== null && continued[1] !== undefined) continue;
    const [, name, rest = ""] = /^(\S+)(?:\s+([^]*))?$/.exec(open.trim()) ?? [];
    if (name !== undefined) instructions.push({ name, rest: rest.trim() });
    open = "";
  }
  if (instructions.length === 0) throw invalidChange("file with no instructions");
  return instructions;
}

/** A JSON array of strings, or undefined where the text is no JSON array. @throws {invalid_argument} when it holds something else */
export function readJsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // then it is a shell command that begins with a bracket
  }
  if (!Array.isArray(value)) return undefined;
  if (value.every((item) => typeof item === "string")) return value;
  throw invalidChange("when using JSON array syntax, arrays must be comprised of strings only");
}

/** `["a", "b"]`, or the whole text as one shell command. */
export function readCommand(text: string): ArgumentList {
  const words = readJsonWords(text);
  if (words !== undefined) return { isJson: true, words };
  return { isJson: false, words: text === "" ? [] : [text] };
}
