/**
 * What a template sees. Plain objects are Go maps (printed and ranged by sorted key); {@link GoStruct} is a Go struct:
 * ordered fields, a type name for messages. `undefined` is Go's missing value (`<no value>`), `null` is nil.
 */
export type GoValue =
  | undefined
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly GoValue[]
  | GoStruct
  | { readonly [key: string]: GoValue };

/** A slice that was never made: prints as an empty one, but JSON says `null`. */
export const NIL_LIST: readonly GoValue[] = [];

/** A map that was never made: the same. */
export const NIL_MAP: { readonly [key: string]: GoValue } = {};

/** A field of a struct; `json` is its key in JSON, left out when it is the name. */
export interface GoField {
  readonly name: string;
  readonly json?: string;
  readonly omitEmpty?: boolean;
  /** Computed when asked for, as a Go method is. */
  readonly get: () => GoValue;
  /** What JSON holds, where it is not what a template prints: a time. */
  readonly inJson?: () => GoValue;
  /** Set for a method that takes one string, e.g. `.Label "key"`. */
  readonly call?: (argument: string) => GoValue;
}

/** A struct, or the method set of a formatter's row. */
export class GoStruct {
  /** As Go would say it: `*formatter.imageContext`. */
  readonly typeName: string;
  readonly fields: readonly GoField[];
  /** Rows of Docker's formatters escape `<`, `>` and `&` in JSON; structs do not. */
  readonly escapesHtml: boolean;

  constructor(typeName: string, fields: readonly GoField[], escapesHtml = false) {
    this.typeName = typeName;
    this.fields = fields;
    this.escapesHtml = escapesHtml;
  }

  /** What its method `String` says; undefined for a type that has none. */
  get said(): string | undefined {
    return undefined;
  }

  field(name: string): GoField | undefined {
    return this.fields.find((field) => field.name === name);
  }
}

/** The row of a table: named values, in JSON sorted by name and HTML-escaped as Go's `json.Marshal` does. */
export function rowStruct(typeName: string, columns: Readonly<Record<string, () => GoValue>>): GoStruct {
  const fields = Object.entries(columns).map(([name, get]) => ({ name, get }));
  return new GoStruct(
    typeName,
    fields.sort((a, b) => (a.name < b.name ? -1 : 1)),
    true,
  );
}

export function isList(value: GoValue): value is readonly GoValue[] {
  return Array.isArray(value);
}

export function isMap(value: GoValue): value is { readonly [key: string]: GoValue } {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof GoStruct);
}

/** Go's notion of truth in `if` and `and`: not the zero value, not empty. A struct is always true. */
export function isTrue(value: GoValue): boolean {
  if (value === undefined || value === null) return false;
  if (isList(value)) return value.length > 0;
  if (value instanceof GoStruct) return true;
  if (isMap(value)) return Object.keys(value).length > 0;
  return value !== false && value !== 0 && value !== 0n && value !== "";
}

/** The type as Go's messages name it. */
export function typeName(value: GoValue): string {
  if (value === undefined || value === null) return "nil";
  if (value instanceof GoStruct) return value.typeName;
  if (isList(value)) return "[]interface {}";
  if (isMap(value)) return "map[string]interface {}";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return typeof value === "bigint" || Number.isInteger(value) ? "int" : "float64";
}

/** Keys in the order in which Go prints and ranges over a map. */
export function sortedKeys(value: { readonly [key: string]: GoValue }): string[] {
  return Object.keys(value).sort((a, b) => (a < b ? -1 : Number(a > b)));
}

// TypeScript's library does not know the reviver's third argument yet.
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** JSON text → value; integers that a double cannot hold become bigint, so that they print as they came. */
export function parseGoJson(text: string): GoValue {
  return parseWithSource(text, (_key, value, context) => {
    const exact =
      typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? "")
        ? BigInt(context.source ?? "0")
        : value;
    return exact;
  }) as GoValue;
}
