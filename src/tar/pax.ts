/** PAX extended headers: POSIX.1-2017 pax, "pax Extended Header". Values are bytes: they may hold "\n", "=" and NUL. */
import { invalidTar } from "./tarError.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const XATTR_PREFIX = "SCHILY.xattr.";

/** Records in archive order; the list keeps the repeated keys of sparse format 0.0. */
export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** `LENGTH KEY=VALUE\n` …; values are copies. */
export function parsePax(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const length =
      /^\d{1,9}$/.test(bytes.toString("latin1", at, Math.min(space, at + 10))) && space > at
        ? Number(bytes.toString("latin1", at, space))
        : 0;
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space + 1);
    if (
      length < 5 ||
      end > bytes.length ||
      bytes[end - 1] !== NEWLINE ||
      equals < 0 ||
      equals >= end ||
      equals === space + 1
    ) {
      throw invalidTar("a PAX record is malformed");
    }
    records.push({
      key: bytes.toString("latin1", space + 1, equals),
      value: Buffer.from(bytes.subarray(equals + 1, end - 1)),
    });
    at = end;
  }
  return records;
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
