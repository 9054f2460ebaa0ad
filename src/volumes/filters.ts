import type { Filters } from "#engineapi";
import { notABoolean, parseGoBoolean } from "#gotext";
import { invalidFilter } from "./volumeError.ts";
import type { VolumeRecord } from "./volumeRecord.ts";

/** What filters look at. */
export interface Filterable {
  readonly record: VolumeRecord;
  readonly isHeld: boolean;
}

type Test = (volume: Filterable) => boolean;

function refuseUnknown(filters: Filters, known: readonly string[]): void {
  const unknown = filters.keys().find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalidFilter(unknown);
}

function hasLabel({ record }: Filterable, label: string): boolean {
  const [key = "", value] = label.split(/=(.*)/s, 2);
  const have = record.labels?.[key];
  return have !== undefined && (value === undefined || have === value);
}

/** Docker takes a name for a regular expression. */
function nameTest(pattern: string): Test {
  try {
    const expression = new RegExp(pattern);
    return ({ record }) => expression.test(record.name);
  } catch {
    return ({ record }) => record.name === pattern;
  }
}

function danglingTest(values: readonly string[]): Test {
  const wanted = values.length === 1 ? parseGoBoolean(values[0] ?? "") : undefined;
  if (wanted === undefined) throw invalidFilter(`dangling=[${values.join(" ")}]`);
  return ({ isHeld }) => isHeld !== wanted;
}

function listTest(key: string, values: readonly string[]): Test {
  switch (key) {
    case "label":
      return (volume) => values.every((label) => hasLabel(volume, label));
    case "driver":
      return ({ record }) => values.includes(record.driver);
    case "name": {
      const tests = values.map(nameTest);
      return (volume) => tests.some((test) => test(volume));
    }
    default:
      return danglingTest(values);
  }
}

/** One test for all filters of a list. @throws {invalid_argument} INVALID_FILTER */
export function compileListFilters(filters: Filters): Test {
  refuseUnknown(filters, ["dangling", "name", "driver", "label"]);
  const tests = [...filters].filter(([, values]) => values.length > 0).map(([key, values]) => listTest(key, values));
  return (volume) => tests.every((test) => test(volume));
}

/** What a prune takes, and whether also volumes with names. @throws {invalid_argument} INVALID_FILTER */
export function compilePruneFilters(filters: Filters): { readonly matches: Test; readonly all: boolean } {
  refuseUnknown(filters, ["label", "label!", "all"]);
  const [allText = "false"] = filters.get("all") ?? [];
  const all = parseGoBoolean(allText);
  if (all === undefined) {
    const error = invalidFilter("all");
    error.message += `: ${notABoolean(allText)}`;
    throw error;
  }
  const wanted = filters.get("label") ?? [];
  const unwanted = filters.get("label!") ?? [];
  return {
    all,
    matches: (volume) =>
      wanted.every((label) => hasLabel(volume, label)) && !unwanted.some((label) => hasLabel(volume, label)),
  };
}
