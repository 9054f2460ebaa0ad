import type { FlagSet } from "./flags.ts";

const SLOP = 5;
const LEAST_WIDTH = 24;
const BLOCK_INDENT = 16;

/** Cuts at the last space before `width`, or at a line's own end; what little would be left over stays. */
function splitAt(width: number, text: string): readonly [line: string, rest: string] {
  if (width + SLOP > text.length) return [text, ""];
  const head = text.slice(0, width);
  const space = Math.max(head.lastIndexOf(" "), head.lastIndexOf("\t"), head.lastIndexOf("\n"));
  if (space <= 0) return [text, ""];
  const newline = head.lastIndexOf("\n");
  const at = newline > 0 && newline < space ? newline : space;
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Wraps as Go's pflag does (FlagUsagesWrapped), so that helps of both clients look alike. */
function wrap(indent: number, columns: number, text: string): string {
  const block = columns - indent < LEAST_WIDTH;
  const left = block ? BLOCK_INDENT : indent;
  const margin = `\n${" ".repeat(left)}`;
  if (columns - left < LEAST_WIDTH) return text.replaceAll("\n", margin);
  const width = columns - left - SLOP;
  const lines: string[] = [];
  let rest = text;
  do {
    const [line, after] = splitAt(width, rest);
    lines.push(line.replaceAll("\n", margin));
    rest = after;
  } while (rest !== "");
  return (block ? margin : "") + lines.join(margin);
}

/** The `Options:` block, sorted by name; `columns` is the terminal's width. */
export function flagUsages(flags: FlagSet, columns: number): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => {
      const head = flag.short === undefined ? `      --${name}` : `  -${flag.short}, --${name}`;
      const shown = flag.typeName === "string" && flag.shownDefault !== undefined;
      const value = shown ? JSON.stringify(flag.shownDefault) : flag.shownDefault;
      return {
        head: flag.typeName === "" ? head : `${head} ${flag.typeName}`,
        usage: flag.usage + (value === undefined ? "" : ` (default ${value})`),
      };
    });
  const indent = Math.max(...rows.map((row) => row.head.length)) + 3;
  return rows.map(({ head, usage }) => `${head.padEnd(indent)}${wrap(indent, columns - 1, usage)}\n`).join("");
}
