import type { ConfigFile } from "#client";

/** `--filter` values by name. */
export type FilterValues = Readonly<Record<string, readonly string[]>>;

/** A label cannot be wanted and unwanted at once; what stands on the command line holds. */
const OPPOSITE: Readonly<Record<string, string>> = { label: "label!", "label!": "label" };

/** The command line's filters and those of `pruneFilters` in config.json. */
export function pruneFilters(config: ConfigFile, filter: FilterValues): FilterValues {
  const configured = config.raw["pruneFilters"];
  if (!Array.isArray(configured)) return filter;
  const merged: Record<string, readonly string[]> = { ...filter };
  for (const entry of configured) {
    const text = String(entry);
    // `label!=x` is the filter `label!`, `label=x=y` the value `x=y`.
    const at = text.indexOf("=");
    if (at < 0) continue;
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    const opposite = OPPOSITE[name];
    if (opposite !== undefined && merged[opposite]?.includes(value) === true) continue;
    merged[name] = [...new Set([...(merged[name] ?? []), value])];
  }
  return merged;
}

const SHOWN = ["label", "label!", "until"];

/** Lines `label=x` of a prompt, in natural order. */
export function shownFilters(filter: FilterValues): readonly string[] {
  return SHOWN.flatMap((name) => (filter[name] ?? []).map((value) => `${name}=${value}`)).sort((a, b) =>
    a < b ? -1 : Number(a > b),
  );
}
