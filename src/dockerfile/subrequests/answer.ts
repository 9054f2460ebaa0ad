import type { LineRange } from "../ast.ts";

/**
 * Answer to a subrequest of a frontend: `result.json`, `result.txt` (what a client prints), `version`, and for checks
 * `result.statuscode`.
 */
export type SubrequestAnswer = ReadonlyMap<string, Uint8Array>;

const VERSION = "1.0.0";

/** Indented JSON with the escapes that Go makes. */
function goJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function answerOf(result: unknown, text: string, more: Readonly<Record<string, string>> = {}): SubrequestAnswer {
  const parts = { "result.json": goJson(result), "result.txt": text, version: VERSION, ...more };
  return new Map(Object.entries(parts).map(([name, content]) => [name, Buffer.from(content)]));
}

/** Rows as columns, each as wide as its widest cell and a gap; the last cell of a row is not filled. */
export function columns(rows: readonly (readonly string[])[], gap: number): string {
  const width = (cell: string): number => Array.from(cell).length;
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, width(cell) + gap);
    });
  }
  const filled = (cell: string, index: number): string => cell + " ".repeat((widths[index] ?? 0) - width(cell));
  return rows.map((row) => `${row.slice(0, -1).map(filled).join("")}${row.at(-1) ?? ""}\n`).join("");
}

interface WireRange {
  readonly start: { readonly line: number };
  readonly end: { readonly line: number };
}

/** BuildKit names every line of an instruction by itself. */
export function wireRanges({ start, end }: LineRange): readonly WireRange[] {
  const count = Math.max(end - start, 0) + 1;
  return Array.from({ length: count }, (_, index) => ({
    start: { line: start + index },
    end: { line: start + index },
  }));
}

export function wireSource(text: string): string {
  return Buffer.from(text).toString("base64");
}
