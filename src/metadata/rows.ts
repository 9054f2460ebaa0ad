import { EngineError, ErrorCode } from "#errors";
import { parseDescriptor } from "#oci";
import type { Descriptor } from "#oci";

/** A row as SQLite gives it; the functions below turn its columns into types. */
export type Row = Readonly<Record<string, unknown>>;

function wrong(column: string, expected: string): EngineError {
  return new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, `column ${column} is no ${expected}`);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrong(column, "text");
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrong(column, "integer");
  return value;
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw wrong(column, "bytes");
  return value;
}

export function flag(row: Row, column: string): boolean {
  return integer(row, column) !== 0;
}

/** NULL → undefined, else what `parse` makes of the column. */
export function optional<T>(row: Row, column: string, parse: (row: Row, column: string) => T): T | undefined {
  return row[column] === null ? undefined : parse(row, column);
}

export function oneOf<T extends string>(row: Row, column: string, choices: readonly T[]): T {
  const value = text(row, column);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrong(column, choices.join(" or "));
  return choice;
}

function json(row: Row, column: string): unknown {
  return JSON.parse(text(row, column));
}

export function list<T>(row: Row, column: string, parse: (item: string) => T): readonly T[] {
  const value = json(row, column);
  if (!Array.isArray(value)) throw wrong(column, "list");
  return value.map((item) => parse(String(item)));
}

export function descriptor(row: Row, column: string): Descriptor {
  return parseDescriptor(json(row, column), column);
}
