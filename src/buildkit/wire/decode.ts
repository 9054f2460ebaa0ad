import { EngineError, ErrorCode } from "#errors";
import { tableOf } from "./table.ts";
import type { Field } from "./table.ts";
import type { Decoded, MessageName } from "./types.ts";

/** The deepest message of these services has 6 levels. */
const MAX_DEPTH = 24;
/** Two bytes make one empty message: without this bound 16 MiB would become gigabytes of objects. */
const MAX_VALUES = 1 << 20;

function malformed(why: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `malformed protobuf message: ${why}`);
}

/** Reads one message and those in it; counts what it makes. */
class Source {
  readonly #bytes: Buffer;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  message(name: MessageName, end: number, depth: number): Record<string, unknown> {
    if (depth > MAX_DEPTH) throw malformed("too deep");
    const table = tableOf(name);
    const made = emptyMessage(table.fields);
    while (this.#at < end) {
      const tag = this.#tag(end);
      const field = table.byNumber.get(tag.number);
      if (field === undefined || !this.#field(made, field, { ...tag, end, depth })) this.#skip(tag.wireType, end);
    }
    return made;
  }

  /** False when the field's values cannot lie so on the wire: it is skipped like an unknown one. */
  #field(
    made: Record<string, unknown>,
    field: Field,
    at: { readonly wireType: number; readonly end: number; readonly depth: number },
  ): boolean {
    const { wireType, end, depth } = at;
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw malformed("too many values");
    if (field.rule === "map") {
      if (wireType !== 2) return false;
      this.#mapEntry(made[field.name], field, this.#length(end), depth);
      return true;
    }
    if (field.rule === "repeated") {
      const list = made[field.name];
      if (!Array.isArray(list)) return false;
      if (wireType === 2 && field.wireType === 0) {
        const until = this.#length(end);
        while (this.#at < until) list.push(this.#value(field, until, depth));
        return true;
      }
      if (wireType !== field.wireType) return false;
      list.push(this.#value(field, end, depth));
      return true;
    }
    if (wireType !== field.wireType) return false;
    made[field.name] = this.#value(field, end, depth);
    return true;
  }

  #mapEntry(map: unknown, field: Field, end: number, depth: number): void {
    let key = "";
    let value: unknown = field.message === undefined ? emptyScalar(field) : emptyMessage(tableOf(field.message).fields);
    while (this.#at < end) {
      const { number, wireType } = this.#tag(end);
      if (number === 1 && wireType === 2) key = this.#text(end);
      else if (number === 2 && wireType === field.wireType) value = this.#value(field, end, depth);
      else this.#skip(wireType, end);
    }
    if (typeof map === "object" && map !== null) Reflect.set(map, key, value);
  }

  #value(field: Field, end: number, depth: number): unknown {
    if (field.message !== undefined) return this.message(field.message, this.#length(end), depth + 1);
    switch (field.scalar) {
      case "string":
        return this.#text(end);
      case "bytes": {
        const until = this.#length(end);
        const bytes = this.#bytes.subarray(this.#at, until);
        this.#at = until;
        return bytes;
      }
      case "bool":
        return this.#varint(end) !== 0;
      case "int64":
        return BigInt.asIntN(64, BigInt(this.#varint(end)));
      case "int":
      case undefined: {
        const value = this.#varint(end);
        return typeof value === "number" ? value : Number(BigInt.asIntN(64, value));
      }
    }
  }

  #text(end: number): string {
    const until = this.#length(end);
    const text = this.#bytes.toString("utf8", this.#at, until);
    this.#at = until;
    return text;
  }

  #tag(end: number): { readonly number: number; readonly wireType: number } {
    const tag = Number(this.#varint(end));
    const number = Math.floor(tag / 8);
    if (number < 1 || number > 0x1fff_ffff) throw malformed("no field has this number");
    return { number, wireType: tag & 7 };
  }

  /** Where the value ends whose length stands here. */
  #length(end: number): number {
    const until = Number(this.#varint(end)) + this.#at;
    if (until > end) throw malformed("a value is longer than its message");
    return until;
  }

  /** A number below 2^49, a bigint from there on. */
  #varint(end: number): number | bigint {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 7; index += 1) {
      const byte = this.#byte(end);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    let large = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte(end);
      large |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, large);
    }
    throw malformed("a number of more than 64 bits");
  }

  #byte(end: number): number {
    const byte = this.#at < end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw malformed("it ends within a value");
    this.#at += 1;
    return byte;
  }

  #skip(wireType: number, end: number): void {
    if (wireType === 0) {
      this.#varint(end);
      return;
    }
    if (wireType === 2) this.#at = this.#length(end);
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 5) this.#at += 4;
    else throw malformed(`wire type ${wireType}`);
    if (this.#at > end) throw malformed("it ends within a value");
  }
}

function emptyScalar(field: Field): unknown {
  switch (field.scalar) {
    case "string":
      return "";
    case "bytes":
      return Buffer.alloc(0);
    case "bool":
      return false;
    case "int":
      return 0;
    case "int64":
      return 0n;
    case undefined:
      return undefined;
  }
}

function emptyMessage(fields: readonly Field[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const field of fields)
    made[field.name] =
      // Keys come from outside: no prototype, so that `__proto__` is a key like any other.
      field.rule === "map" ? Object.create(null) : field.rule === "repeated" ? [] : emptyScalar(field);
  return made;
}

/**
 * Reads a message. Unknown fields are skipped; bytes are views of what was given.
 * @throws {invalid_argument} when it is malformed, nested too deep or has too many values.
 */
export function decode<N extends MessageName>(name: N, bytes: Uint8Array): Decoded<N> {
  return new Source(bytes).message(name, bytes.byteLength, 0) as Decoded<N>;
}
