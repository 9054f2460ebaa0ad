import { EngineError, ErrorCode } from "#errors";
import type { BuildCacheRecord } from "../buildService.ts";

type Test = (record: BuildCacheRecord) => boolean;

const MAX_FILTER = 4096;
/** One condition at the start of the text, and what follows: `,` or the end. */
const CONDITION = /^([a-zA-Z]+)(?:(==|!=|~=)("(?:[^"\\]|\\.)*"|[^,]*))?(,|$)/u;

function invalid(filter: string, why: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.BAD_REQUEST,
    `failed to parse prune filters [${filter}]: ${why}`,
  );
}

/** Value of a field, `undefined` where it is not set; booleans are set or not, as in BuildKit. */
function fieldOf(record: BuildCacheRecord, field: string): readonly string[] | undefined {
  const flag = (isSet: boolean): readonly string[] => (isSet ? ["true"] : []);
  switch (field) {
    case "id":
      return [record.id];
    case "parents":
    case "parent":
      return record.parents;
    case "description":
      return [record.description];
    case "type":
      return [record.type];
    case "inuse":
      return flag(record.inUse);
    case "mutable":
      return flag(record.mutable);
    case "immutable":
      return flag(!record.mutable);
    case "shared":
      return flag(record.shared);
    case "private":
      return flag(!record.shared);
    default:
      return undefined;
  }
}

function condition(filter: string, field: string, operator: string | undefined, value: string): Test {
  if (operator === undefined) return (record) => (fieldOf(record, field) ?? []).length > 0;
  if (operator === "==") return (record) => fieldOf(record, field)?.includes(value) ?? false;
  if (operator === "!=") return (record) => !(fieldOf(record, field)?.includes(value) ?? false);
  const pattern = compile(filter, value);
  return (record) => fieldOf(record, field)?.some((text) => pattern.test(text)) ?? false;
}

function compile(filter: string, value: string): RegExp {
  try {
    return new RegExp(value, "u");
  } catch {
    throw invalid(filter, `"${value}" is no regular expression`);
  }
}

function unquote(filter: string, value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    throw invalid(filter, `${value} is badly quoted`);
  }
}

function parse(filter: string): Test {
  if (filter.length > MAX_FILTER) throw invalid(`${filter.slice(0, 40)}…`, "too long");
  const tests: Test[] = [];
  let rest = filter;
  while (rest !== "") {
    const [whole = "", field = "", operator, value = ""] = CONDITION.exec(rest) ?? [];
    if (whole === "") throw invalid(filter, `unexpected input at "${rest}"`);
    tests.push(condition(filter, field, operator, unquote(filter, value)));
    rest = rest.slice(whole.length);
  }
  return (record) => tests.every((test) => test(record));
}

/**
 * Filters of the build cache in containerd's syntax: `type==exec.cachemount,inuse`; conditions of one text all hold, of
 * several texts any. None: everything. @throws {invalid_argument}
 */
export function cacheFilter(filters: readonly string[]): Test {
  const tests = filters.map(parse);
  return (record) => tests.length === 0 || tests.some((test) => test(record));
}
