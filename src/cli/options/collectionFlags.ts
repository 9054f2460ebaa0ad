import { valueFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import { csvFields } from "./csv.ts";

/** Several values in one, as CSV, and several times: pflag's `strings`. */
export function stringsFlag(usage: string): Flag<readonly string[]> {
  return valueFlag<readonly string[]>("strings", usage, {
    initial: [],
    parse: (text, current) => (text === "" ? current : [...current, ...csvFields(text)]),
  });
}

/** `key=value`, several times; a key alone has an empty value. */
export function mapFlag(short: string | undefined, usage: string): Flag<Readonly<Record<string, string>>> {
  return valueFlag<Readonly<Record<string, string>>>("map", usage, {
    initial: {},
    shownDefault: "map[]",
    ...(short === undefined ? {} : { short }),
    parse: (text, current) => {
      const at = text.indexOf("=");
      return at < 0 ? { ...current, [text]: "" } : { ...current, [text.slice(0, at)]: text.slice(at + 1) };
    },
  });
}
