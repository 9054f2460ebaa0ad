import { parseTemplate } from "../template/template.ts";
import { GoStruct } from "../template/value.ts";
import type { GoField } from "../template/value.ts";
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

/** The row of titles: any field has one or none, and `.Label "com.example.my-key"` is titled `my key`. */
class HeaderRow extends GoStruct {
  constructor(titles: Readonly<Record<string, string>>) {
    super(
      "formatter.SubHeaderContext",
      Object.entries(titles).map(([name, title]) => ({ name, get: () => title })),
    );
  }

  override field(name: string): GoField {
    const call = (key: string): string => (key.split(".").at(-1) ?? "").replace(/[-_]/g, " ");
    return name === "Label"
      ? { name, get: () => undefined, call }
      : (super.field(name) ?? { name, get: () => undefined });
  }
}

/** Rows by a format, each with its line end; `titles` maps a row's fields to column titles. */
export function renderList(
  format: ListFormat,
  titles: Readonly<Record<string, string>>,
  rows: readonly GoStruct[],
): string {
  const template = parseTemplate(format.template);
  const lines = rows.map((row) => template.execute(row));
  if (!format.isTable) return lines.map((line) => `${line}\n`).join("");
  const all = [template.executeHeader(new HeaderRow(titles)), ...lines];
  return alignColumns(all.flatMap((line) => line.split("\n")))
    .map((line) => `${line}\n`)
    .join("");
}
