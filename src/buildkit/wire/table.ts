import { SCHEMA } from "./schema.ts";
import type { MessageName } from "./types.ts";

export type Scalar = "string" | "bytes" | "bool" | "int" | "int64";

/** One field of a message, read from its text once. */
export interface Field {
  readonly name: string;
  readonly number: number;
  readonly rule: "single" | "repeated" | "map";
  readonly scalar: Scalar | undefined;
  /** The message, where it is no scalar. */
  readonly message: MessageName | undefined;
  /** 0 or 2: how one value lies on the wire. */
  readonly wireType: number;
}

export interface Table {
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
}

const SCALARS: readonly string[] = ["string", "bytes", "bool", "int", "int64"];
const VARINTS: readonly string[] = ["bool", "int", "int64"];

function isScalar(type: string): type is Scalar {
  return SCALARS.includes(type);
}

export function isMessageName(type: string): type is MessageName {
  return type in SCHEMA;
}

function parseField(name: string, text: string): Field {
  const [, number = "", map, mapped = "", single = "", list] = /^(\d+) (?:(map)<(\w+)>|(\w+)(\[\])?)$/.exec(text) ?? [];
  const type = map === undefined ? single : mapped;
  const message = isMessageName(type) ? type : undefined;
  const scalar = isScalar(type) ? type : undefined;
  if (message === undefined && scalar === undefined) throw new Error(`schema: ${name}: no type in "${text}"`);
  return {
    name,
    number: Number(number),
    rule: map !== undefined ? "map" : list !== undefined ? "repeated" : "single",
    scalar,
    message,
    wireType: VARINTS.includes(type) ? 0 : 2,
  };
}

function parseTable(fields: Readonly<Record<string, string>>): Table {
  const parsed = Object.entries(fields).map(([name, text]) => parseField(name, text));
  return { fields: parsed, byNumber: new Map(parsed.map((field) => [field.number, field])) };
}

const TABLES: ReadonlyMap<string, Table> = new Map(
  Object.entries(SCHEMA).map(([name, fields]) => [name, parseTable(fields)]),
);

export function tableOf(name: MessageName): Table {
  const table = TABLES.get(name);
  if (table === undefined) throw new Error(`schema: no message ${name}`);
  return table;
}
