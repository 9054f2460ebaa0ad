import type { LocalBuildError } from "#engineapi";

type Source = NonNullable<LocalBuildError["source"]>;

const RULE = "--------------------";
/** Lines around those that are meant; more around a single one. */
const AROUND_ONE = 4;
const AROUND_SEVERAL = 2;

/** The lines of the Dockerfile that are meant, marked, with some around them, as BuildKit's clients print them. */
export function sourceExcerpt({ filename, text, ranges }: Source): string {
  const lines = text.split("\n");
  const first = Math.min(...ranges.map(({ start }) => start));
  const last = Math.min(Math.max(...ranges.map(({ start, end }) => Math.max(start, end))), lines.length);
  if (ranges.length === 0 || first < 1 || first > lines.length) return "";
  let [from, to] = [first, last];
  const around = from === to ? AROUND_ONE : AROUND_SEVERAL;
  for (let padded = 0; padded < around; padded += 1) {
    if (from > 1) {
      from -= 1;
      padded += 1;
    }
    if (to !== lines.length) {
      to += 1;
      padded += 1;
    }
  }
  const isMeant = (line: number): boolean =>
    ranges.some(({ start, end }) => start <= line && line <= Math.max(start, end));
  const shown = lines.slice(from - 1, to).map((line, index) => {
    const number = from + index;
    return ` ${String(number).padStart(3)} | ${isMeant(number) ? ">>>" : "   "} ${line}\n`;
  });
  return `${filename}:${first}\n${RULE}\n${shown.join("")}${RULE}\n`;
}
