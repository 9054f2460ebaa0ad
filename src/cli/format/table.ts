import { parseTemplate } from "../template/template.ts";
import type { GoStruct, GoValue } from "../template/value.ts";
import { alignColumns } from "./tabwriter.ts";

const TABLE = "table";

/** A `--format` with what it stands for worked out. */
export interface ListFormat {
  /** Go template of one row. */
  readonly template: string;
  readonly isTable: boolean;
}

/**
 * The user's `--format` (or config.json's, or none) → format. `json` is one JSON object a line, `table TEMPLATE` has a
 * header, `\t` and `\n` in it are a tab and a line end.
 */
export function listFormat(wish: string, defaultTable: string): ListFormat {
  if (wish === "" || wish === TABLE) return { template: defaultTable, isTable: true };
  if (wish === "json") return { template: "{{json .}}", isTable: false };
  const isTable = wish.startsWith(`${TABLE} `);
  const text = (isTable ? wish.slice(TABLE.length) : wish).trim();
  return { template: text.replaceAll("\\t", "\t").replaceAll("\\n", "\n"), isTable };
}

/** Rows by a format, each with its line end; `titles` maps a row's fields to column titles. */
export function renderList(format: ListFormat, titles: Readonly<Record<string, string>>, rows: readonly GoStruct[]): string {
  const template = parseTemplate(format.template);
  const lines = rows.map((row) => template.execute(row));
  if (!format.isTable) return lines.map((line) => `${line}\n`).join("");
  const all = [template.executeHeader(titles as GoValue), ...lines];
  return alignColumns(all.flatMap((line) => line.split("\n")))
    .map((line) => `${line}\n`)
    .join("");
}
