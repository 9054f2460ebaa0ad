import { goJson } from "./goJson.ts";
import { goString, sprint, sprintf } from "./goFormat.ts";
import { isList, isMap, isTrue, typeName } from "./value.ts";
import type { GoValue } from "./value.ts";

type Parameter = "any" | "string" | "int" | "list";

/** A function a template may call. */
export interface TemplateFunction {
  /** One per argument; the last may repeat. */
  readonly parameters: readonly Parameter[];
  readonly variadic?: boolean;
  /** A thrown Error becomes `error calling NAME: message`. */
  readonly call: (...args: readonly GoValue[]) => GoValue;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

const textOf = (value: GoValue): string => (typeof value === "string" ? value : goString(value));
const intOf = (value: GoValue): number => (typeof value === "number" || typeof value === "bigint" ? Number(value) : 0);

type Basic = "bool" | "number" | "float" | "string" | undefined;
function basicKind(value: GoValue): Basic {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  if (typeof value === "bigint") return "number";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : "float";
  return undefined;
}

function equal(a: GoValue, b: GoValue): boolean {
  if (a === undefined || a === null || b === undefined || b === null) return (a ?? null) === (b ?? null);
  const [kindA, kindB] = [basicKind(a), basicKind(b)];
  if (kindA === undefined) throw new Error(`non-comparable type ${goString(a)}: ${typeName(a)}`);
  if (kindA !== kindB) throw new Error("incompatible types for comparison");
  return typeof a === "string" || typeof a === "boolean" ? a === b : Number(a) === Number(b);
}

function less(a: GoValue, b: GoValue): boolean {
  const [kindA, kindB] = [basicKind(a), basicKind(b)];
  if (kindA === undefined || kindB === undefined || kindA === "bool") throw new Error("invalid type for comparison");
  if (kindA !== kindB) throw new Error("incompatible types for comparison");
  return typeof a === "string" && typeof b === "string" ? a < b : Number(a) < Number(b);
}

function lengthOf(value: GoValue): number {
  if (value === undefined || value === null) throw new Error("len of nil pointer");
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new Error(`len of type ${typeName(value)}`);
}

function indexOnce(value: GoValue, key: GoValue): GoValue {
  if (value === undefined || value === null) throw new Error("index of untyped nil");
  if (isMap(value)) {
    if (typeof key !== "string") throw new Error(`value has type ${typeName(key)}; should be string`);
    return value[key];
  }
  if (!isList(value) && typeof value !== "string") throw new Error(`can't index item of type ${typeName(value)}`);
  if (typeof key !== "number") throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  const items: readonly GoValue[] = typeof value === "string" ? [...Buffer.from(value)] : value;
  if (key < 0 || key >= items.length) throw new Error(`index out of range: ${key}`);
  return items[key];
}

function slice(value: GoValue, ...bounds: readonly GoValue[]): GoValue {
  if (value === undefined || value === null) throw new Error("slice of untyped nil");
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  const items = typeof value === "string" ? Buffer.from(value) : value;
  if (!Buffer.isBuffer(items) && !isList(items)) throw new Error(`can't slice item of type ${typeName(value)}`);
  const [from = 0, to = items.length] = bounds.map(intOf);
  const wrong = [from, to].find((bound) => bound < 0 || bound > items.length);
  if (wrong !== undefined) throw new Error(`index out of range: ${wrong}`);
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return Buffer.isBuffer(items) ? items.subarray(from, to).toString("utf8") : items.slice(from, to);
}

const HTML: Readonly<Record<string, string>> = {
  "\0": "\uFFFD",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};
const htmlEscape = (text: string): string => text.replace(/[\0"'&<>]/g, (char) => HTML[char] ?? char);

function jsEscape(text: string): string {
  return text.replace(/[\\'"<>&=\p{Cc}]/gu, (char) => {
    if (char === "\\" || char === "'" || char === '"') return `\\${char}`;
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

const urlQueryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");

const any: readonly Parameter[] = ["any"];
const evaluated = (values: readonly GoValue[]): string => sprint(values);

/** Go's own (text/template/funcs.go); `and` and `or` are the evaluator's, because they stop early. */
const builtins: FunctionTable = {
  not: { parameters: any, call: (value) => !isTrue(value) },
  len: { parameters: any, call: lengthOf },
  index: { parameters: any, variadic: true, call: (value, ...keys) => keys.reduce(indexOnce, value) },
  slice: { parameters: any, variadic: true, call: slice },
  print: { parameters: any, variadic: true, call: (...values) => sprint(values) },
  println: { parameters: any, variadic: true, call: (...values) => `${values.map(goString).join(" ")}\n` },
  printf: { parameters: ["string", "any"], variadic: true, call: (format, ...rest) => sprintf(textOf(format), rest) },
  html: { parameters: any, variadic: true, call: (...values) => htmlEscape(evaluated(values)) },
  js: { parameters: any, variadic: true, call: (...values) => jsEscape(evaluated(values)) },
  urlquery: { parameters: any, variadic: true, call: (...values) => urlQueryEscape(evaluated(values)) },
  call: {
    parameters: any,
    variadic: true,
    call: (value) => {
      throw new Error(value === undefined ? "call of nil" : `non-function of type ${typeName(value)}`);
    },
  },
  eq: {
    parameters: any,
    variadic: true,
    call: (first, ...rest) => {
      if (rest.length === 0) throw new Error("missing argument for comparison");
      return rest.some((value) => equal(first, value));
    },
  },
  ne: { parameters: ["any", "any"], call: (a, b) => !equal(a, b) },
  lt: { parameters: ["any", "any"], call: less },
  le: { parameters: ["any", "any"], call: (a, b) => less(a, b) || equal(a, b) },
  gt: { parameters: ["any", "any"], call: (a, b) => !(less(a, b) || equal(a, b)) },
  ge: { parameters: ["any", "any"], call: (a, b) => !less(a, b) },
};

const titled = (text: string): string =>
  text.replace(
    /(^|[^\p{L}\p{Nd}_'])(\p{Ll})/gu,
    (_all, before: string, letter: string) => before + letter.toUpperCase(),
  );

function padded(text: string, before: number, after: number): string {
  return text === "" ? text : " ".repeat(Math.max(0, before)) + text + " ".repeat(Math.max(0, after));
}

function joined(list: GoValue, separator: GoValue): string {
  if (!isList(list)) throw new Error(`expected slice, got ${typeName(list)}`);
  return list.map(goString).join(textOf(separator));
}

/** Docker's additions (docker/cli templates/templates.go). */
const docker: FunctionTable = {
  json: { parameters: any, call: (value) => goJson(value) },
  split: { parameters: ["string", "string"], call: (text, by) => textOf(text).split(textOf(by)) },
  join: { parameters: ["any", "string"], call: joined },
  title: { parameters: ["string"], call: (text) => titled(textOf(text)) },
  lower: { parameters: ["string"], call: (text) => textOf(text).toLowerCase() },
  upper: { parameters: ["string"], call: (text) => textOf(text).toUpperCase() },
  pad: {
    parameters: ["string", "int", "int"],
    call: (text, before, after) => padded(textOf(text), intOf(before), intOf(after)),
  },
  truncate: {
    parameters: ["string", "int"],
    call: (text, length) => Buffer.from(textOf(text)).subarray(0, intOf(length)).toString("utf8"),
  },
};

/** Everything a `--format` may call. */
export const FUNCTIONS: FunctionTable = { ...builtins, ...docker };

const same: TemplateFunction = { parameters: any, call: (value) => value };
const head: TemplateFunction = { parameters: ["any", "any"], variadic: true, call: (value) => value };

/** For the header row of a table the functions that would change a value leave the column's title as it is. */
export const HEADER_FUNCTIONS: FunctionTable = {
  ...FUNCTIONS,
  json: same,
  title: same,
  lower: same,
  upper: same,
  truncate: head,
  join: head,
  split: head,
};
