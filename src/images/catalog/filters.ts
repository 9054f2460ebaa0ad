import { parseTimestamp } from "#engineapi";
import type { Filters } from "#engineapi";
import { invalidFilter } from "../imageErrors.ts";

/** @throws {invalid_argument} `invalid filter 'x'` for a key that is not accepted. */
export function checkFilterKeys(filters: Filters, accepted: readonly string[]): void {
  for (const key of filters.keys()) {
    if (!accepted.includes(key)) throw invalidFilter(key === "" ? "invalid filter" : `invalid filter '${key}'`);
  }
}

const TRUE = new Set(["1", "true"]);
const FALSE = new Set(["0", "false"]);

/** undefined when the key is absent. @throws {invalid_argument} `invalid filter 'dangling=[maybe]'` */
export function booleanFilter(filters: Filters, key: string): boolean | undefined {
  const values = filters.get(key);
  if (values === undefined || values.length === 0) return undefined;
  const isTrue = values.some((value) => TRUE.has(value));
  const isFalse = values.some((value) => FALSE.has(value));
  if (isTrue === isFalse) throw invalidFilter(`invalid filter '${key}=[${values.join(" ")}]'`);
  return isTrue;
}

/** The earliest of all `until` values, ms since 1970; undefined when there is none. @throws {invalid_argument} */
export function untilFilter(filters: Filters, now: number): number | undefined {
  const values = filters.get("until") ?? [];
  return values.length === 0 ? undefined : Math.min(...values.map((value) => parseTimestamp(value, now)));
}

type Labels = Readonly<Record<string, string>>;

/** True if every `key` or `key=value` is among the labels. */
export function hasLabels(wanted: readonly string[], labels: Labels): boolean {
  return wanted.every((text) => hasLabel(text, labels));
}

/** True if one of the `key` or `key=value` is among the labels. */
export function hasAnyLabel(wanted: readonly string[], labels: Labels): boolean {
  return wanted.some((text) => hasLabel(text, labels));
}

function hasLabel(text: string, labels: Labels): boolean {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  if (!Object.hasOwn(labels, key)) return false;
  return equals < 0 || labels[key] === text.slice(equals + 1);
}
