/** PAX extended headers: POSIX.1-2017 pax, "pax Extended Header". Values are bytes: they may hold "\n", "=" and NUL. */
import type { EngineError } from "#errors";
import { invalidTar } from "./tarError.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const MAX_LENGTH_DIGITS = 9;
/** `5 k=\n` */
const SHORTEST_RECORD = 5;
/** star's keys for extended attributes, the ones that every layer tool writes; the value is raw bytes. */
export const XATTR_PREFIX = "SCHILY.xattr.";

/** Records in archive order; the list keeps the repeated keys of sparse format 0.0. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** `LENGTH KEY=VALUE\n` …; values are copies. */
export function parsePax(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + recordLength(bytes, at);
    const keyAt = bytes.indexOf(SPACE, at) + 1;
    const equals = bytes.indexOf(EQUALS, keyAt);
    if (end > bytes.length || bytes[end - 1] !== NEWLINE || equals <= keyAt || equals >= end) throw malformed();
    records.push({
      key: bytes.toString("latin1", keyAt, equals),
      value: Buffer.from(bytes.subarray(equals + 1, end - 1)),
    });
    at = end;
  }
  return records;
}

function recordLength(bytes: Buffer, at: number): number {
  const digits = /^\d{1,9}(?= )/.exec(bytes.toString("latin1", at, at + MAX_LENGTH_DIGITS + 1))?.[0];
  const length = Number(digits ?? 0);
  if (length < SHORTEST_RECORD) throw malformed();
  return length;
}

function malformed(): EngineError {
  return invalidTar("a PAX record is malformed");
}

/** The records in force for one entry: globals, overridden by its own; an empty value takes a record away. */
export class PaxAttributes {
  readonly #values: ReadonlyMap<string, Buffer>;
  /** The entry's own records, with repeated keys. */
  readonly own: readonly PaxRecord[];

  constructor(globals: ReadonlyMap<string, Buffer>, own: readonly PaxRecord[]) {
    const values = new Map(globals);
    for (const { key, value } of own) values.set(key, value);
    this.#values = values;
    this.own = own;
  }

  text(key: string): string | undefined {
    const value = this.#values.get(key);
    return value === undefined || value.length === 0 ? undefined : value.toString("latin1");
  }

  /** For names: a NUL can be in no path. */
  path(key: string): string | undefined {
    const text = this.text(key);
    if (text?.includes("\0") === true) throw invalidTar(`PAX record ${key} holds a NUL`);
    return text;
  }

  xattrs(): Map<string, Uint8Array> | undefined {
    let found: Map<string, Uint8Array> | undefined;
    for (const [key, value] of this.#values) {
      if (!key.startsWith(XATTR_PREFIX)) continue;
      found ??= new Map();
      found.set(key.slice(XATTR_PREFIX.length), value);
    }
    return found;
  }
}

export const NO_PAX: PaxAttributes = new PaxAttributes(new Map(), []);

/** `1700000000.123456789`, `-1.5`, `12.`: seconds rounded down, and nanoseconds (further digits cut). */
export function parsePaxTime(text: string): { readonly seconds: number; readonly nanoseconds: number } {
  const match = /^(-?)(\d{1,16})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw invalidTar("PAX record mtime is not a time");
  const [, sign, whole = "", fraction = ""] = match;
  const seconds = Number(whole);
  if (!Number.isSafeInteger(seconds)) throw invalidTar("PAX record mtime is out of range");
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign !== "-") return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds: 0 };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** One record; its length counts itself. */
export function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, "latin1"), value, Buffer.from("\n")]);
}

/** The inverse of {@link parsePaxTime}, without trailing zeros: `-1.5` for (-2, 500,000,000). */
export function formatPaxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const isNegative = seconds < 0;
  const whole = isNegative ? -(seconds + 1) : seconds;
  const fraction = String(isNegative ? 1_000_000_000 - nanoseconds : nanoseconds)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${isNegative ? "-" : ""}${whole}.${fraction}`;
}
