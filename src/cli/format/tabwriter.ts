/** Go's text/tabwriter with left-aligned cells of spaces. */
export interface TabwriterOptions {
  readonly minWidth: number;
  readonly padding: number;
}

/** What every list of Docker's client uses: tabwriter.NewWriter(out, 10, 1, 3, ' ', 0). */
export const LIST_COLUMNS: TabwriterOptions = { minWidth: 10, padding: 3 };

const width = (cell: string): number => Array.from(cell).length;

/**
 * Lines whose cells end with tabs → aligned lines. A column is a run of neighbouring lines that have that cell; the last
 * cell of a line belongs to no column and is not padded.
 */
export function alignColumns(lines: readonly string[], options: TabwriterOptions = LIST_COLUMNS): string[] {
  const rows = lines.map((line) => line.split("\t"));
  const widths = rows.map((): number[] => []);
  const measure = (from: number, to: number, column: number): void => {
    for (let line = from; line < to; line += 1) {
      if (column >= (rows[line]?.length ?? 0) - 1) continue;
      let end = line;
      let widest = options.minWidth;
      while (end < to && column < (rows[end]?.length ?? 0) - 1) {
        widest = Math.max(widest, width(rows[end]?.[column] ?? "") + options.padding);
        end += 1;
      }
      for (const list of widths.slice(line, end)) list[column] = widest;
      measure(line, end, column + 1);
      line = end - 1;
    }
  };
  measure(0, rows.length, 0);
  return rows.map((cells, line) =>
    cells
      .map((cell, column) => {
        const wide = column < cells.length - 1 ? (widths[line]?.[column] ?? 0) : 0;
        return cell + " ".repeat(Math.max(0, wide - width(cell)));
      })
      .join(""),
  );
}
