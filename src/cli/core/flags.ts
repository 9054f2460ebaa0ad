import { parseBoolean, parseInteger } from "../options/numbers.ts";

/** One flag of a command. `parse` throws an Error whose message is what Go's pflag would say about the value. */
export interface Flag<T> {
  readonly short?: string;
  readonly usage: string;
  /** The word after the flag in the help: `string`, `list`; empty for a switch. */
  readonly typeName: string;
  readonly initial: T;
  /** ` (default …)` in the help. */
  readonly shownDefault?: string;
  readonly hidden?: boolean;
  /** What to use instead; said once when the flag is given. */
  readonly deprecated?: string;
  /** Another spelling: values go to the flag of this name. */
  readonly aliasOf?: string;
  parse(text: string, current: T): T;
}

/** Flags of a command by their long name. */
export type FlagSet = Readonly<Record<string, Flag<unknown>>>;

/** Parsed values by long name. */
export type FlagValues<F extends FlagSet> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface Extra {
  readonly shownDefault?: string;
  readonly hidden?: boolean;
}

const withShort = (short: string | undefined): { readonly short?: string } => (short === undefined ? {} : { short });
function parseFilter(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  if (at < 0) throw new Error("bad format of filter (expected name=value)");
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
}

export function boolFlag(short: string | undefined, usage: string, initial = false): Flag<boolean> {
  const shown = initial ? { shownDefault: "true" } : {};
  return { ...withShort(short), usage, typeName: "", initial, ...shown, parse: parseBoolean };
}

export function stringFlag(short: string | undefined, usage: string, extra: Extra = {}): Flag<string> {
  return { ...withShort(short), usage, typeName: "string", initial: "", ...extra, parse: (text) => text };
}

export function intFlag(short: string | undefined, usage: string, initial = 0): Flag<number> {
  const shown = initial === 0 ? {} : { shownDefault: String(initial) };
  return { ...withShort(short), usage, typeName: "int", initial, ...shown, parse: parseInteger };
}

/** A value of its own kind; `parse` throws what is wrong with the text. */
export function valueFlag<T>(
  typeName: string,
  usage: string,
  rules: Extra & { readonly initial: T; readonly short?: string; readonly parse: (text: string, current: T) => T },
): Flag<T> {
  return { typeName, usage, ...rules };
}

/** Another, hidden spelling of a flag. */
export function aliasFlag<T>(flag: Flag<T>, aliasOf: string): Flag<T> {
  const { short: _own, ...rest } = flag;
  return { ...rest, hidden: true, aliasOf };
}

/** May be given several times; values in order. `check` throws what is wrong with one, or changes it. */
export function listFlag(
  short: string | undefined,
  usage: string,
  check: (text: string) => string = (text) => text,
): Flag<readonly string[]> {
  const initial: readonly string[] = [];
  return { ...withShort(short), usage, typeName: "list", initial, parse: (text, current) => [...current, check(text)] };
}

/** `--filter name=value`, as the API takes it: name → values. */
export function filterFlag(
  short: string | undefined,
  usage: string,
): Flag<Readonly<Record<string, readonly string[]>>> {
  const initial: Readonly<Record<string, readonly string[]>> = {};
  return {
    ...withShort(short),
    usage,
    typeName: "filter",
    initial,
    parse: (text, current) => {
      if (text === "") return current;
      const [key, value] = parseFilter(text);
      return { ...current, [key]: [...(current[key] ?? []), value] };
    },
  };
}

/** The `--format` help of every command that prints a table. */
export const FORMAT_USAGE: string = [
  "Format output using a custom template:",
  "'table':            Print output in table format with column headers (default)",
  "'table TEMPLATE':   Print output in table format using the given Go template",
  "'json':             Print in JSON format",
  "'TEMPLATE':         Print output using the given Go template.",
  "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
].join("\n");

/** The `--format` help of inspect, info and version. */
export const INSPECT_FORMAT_USAGE: string = FORMAT_USAGE.split("\n")
  .filter((line) => !line.startsWith("'table"))
  .join("\n");
