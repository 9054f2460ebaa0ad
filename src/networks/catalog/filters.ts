import { parseTimestamp } from "#engineapi";
import type { Filters } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { badFilter } from "../networkError.ts";
import { isPredefined } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";

type Test = (network: NetworkRecord) => boolean;

const LIST_KEYS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
const PRUNE_KEYS = ["label", "label!", "until"];

function checkKeys(filters: Filters, accepted: readonly string[]): void {
  for (const key of filters.keys()) if (!accepted.includes(key)) throw badFilter(`invalid filter '${key}'`);
}

function hasLabel({ labels }: NetworkRecord, wanted: string): boolean {
  const [key = "", value] = wanted.split(/=(.*)/s, 2);
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
}

/** Docker takes names and ids of filters as regular expressions. */
function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return text === pattern;
  }
}

/** Values of one key are alternatives. */
function any(filters: Filters, key: string, test: (network: NetworkRecord, value: string) => boolean): Test {
  const values = filters.get(key) ?? [];
  return (network) => values.length === 0 || values.some((value) => test(network, value));
}

function allLabels(filters: Filters): Test {
  const wanted = filters.get("label") ?? [];
  return (network) => wanted.every((label) => hasLabel(network, label));
}

function typeTest(filters: Filters): Test {
  for (const type of filters.get("type") ?? []) {
    if (type !== "custom" && type !== "builtin") {
      throw new EngineError("internal", ErrorCode.INVALID_FILTER, `invalid filter: 'type'='${type}'`);
    }
  }
  return any(filters, "type", (network, type) => isPredefined(network) === (type === "builtin"));
}

/** Networks without containers are dangling; predefined ones never. */
function danglingTest(filters: Filters, isUsed: Test): Test {
  const [value, second] = filters.get("dangling") ?? [];
  if (value === undefined) return () => true;
  if (second !== undefined) throw badFilter('got more than one value for filter key "dangling"');
  if (!["true", "1", "false", "0"].includes(value)) {
    throw badFilter(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`);
  }
  const wanted = value === "true" || value === "1";
  const isDangling = (network: NetworkRecord): boolean => !isPredefined(network) && !isUsed(network);
  return (network) => isDangling(network) === wanted;
}

/** @throws {invalid_argument} INVALID_FILTER in Docker's words */
export function listTest(filters: Filters, isUsed: Test): Test {
  checkKeys(filters, LIST_KEYS);
  const tests = [
    any(filters, "driver", ({ driver }, value) => driver === value),
    any(filters, "name", ({ name }, value) => matches(name, value)),
    any(filters, "id", ({ id }, value) => matches(id, value)),
    any(filters, "scope", ({ scope }, value) => scope === value),
    allLabels(filters),
    typeTest(filters),
    danglingTest(filters, isUsed),
  ];
  return (network) => tests.every((test) => test(network));
}

/** @throws {invalid_argument} INVALID_FILTER in Docker's words */
export function pruneTest(filters: Filters, now: number): Test {
  checkKeys(filters, PRUNE_KEYS);
  const [until, second] = filters.get("until") ?? [];
  if (second !== undefined) throw badFilter("more than one until filter specified");
  const before = until === undefined ? undefined : parseTimestamp(until, now);
  const unwanted = filters.get("label!") ?? [];
  const labels = allLabels(filters);
  return (network) =>
    labels(network) &&
    !unwanted.some((label) => hasLabel(network, label)) &&
    (before === undefined || Date.parse(network.created) < before);
}
