import { parseDuration } from "#engineapi";
import type { BuildRecord } from "./buildRecords.ts";

type Matcher = (record: BuildRecord) => boolean;

function statusOf({ completedAt, error }: BuildRecord): string {
  if (completedAt === undefined) return "running";
  if (error === undefined) return "completed";
  return error.category === "cancelled" ? "canceled" : "error";
}

function valueOf(record: BuildRecord, key: string): string {
  if (key === "status") return statusOf(record);
  if (key === "ref") return record.ref;
  return record.attributes["vcs:source"] ?? record.attributes["context"] ?? "";
}

function byValue(key: string, separator: string, value: string): Matcher {
  if (separator === "!=") return (record) => valueOf(record, key) !== value;
  if (key === "status") return (record) => valueOf(record, key) === value;
  return (record) => valueOf(record, key).includes(value);
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function byTime(key: string, separator: string, value: string): Matcher {
  const span = parseDuration(value);
  const compare = COMPARE[separator] ?? ((): boolean => false);
  if (key === "duration") {
    if (span === undefined) throw new Error(`invalid duration ${value}`);
    return ({ createdAt, completedAt }) => completedAt !== undefined && compare(completedAt - createdAt, span);
  }
  const bound = span === undefined ? Date.parse(value) : Date.now() - span;
  if (Number.isNaN(bound)) throw new Error(`invalid time ${value}`);
  return ({ createdAt, completedAt }) => {
    const time = key === "startedAt" ? createdAt : completedAt;
    return time !== undefined && compare(time, bound);
  };
}

function parseOne(text: string): Matcher {
  const [, key, separator, value] = /^([^!=<>]+)(!=|<=|>=|=|<|>)(.*)$/s.exec(text) ?? [];
  if (key === undefined || separator === undefined || value === undefined)
    throw new Error(`invalid filter ${JSON.stringify(text)}`);
  const isEquality = separator === "=" || separator === "!=";
  if (["ref", "repository", "status"].includes(key)) {
    if (!isEquality) throw new Error(`invalid separator for ${JSON.stringify(text)}, expected = or !=`);
    return byValue(key, separator, value);
  }
  if (!["startedAt", "completedAt", "duration"].includes(key))
    throw new Error(`unsupported filter ${JSON.stringify(text)}`);
  if (isEquality) throw new Error(`invalid separator for ${JSON.stringify(text)}, expected <=, <, >= or >`);
  return byTime(key, separator, value);
}

/** `--filter` of `history ls`; a record must match them all. @throws {Error} in buildx's words */
export function matchesFilters(texts: readonly string[]): Matcher {
  const all = texts.map(parseOne);
  return (record) => all.every((matches) => matches(record));
}
