import { tableOf } from "./table.ts";
import type { Field } from "./table.ts";
import type { Encodable, MessageName } from "./types.ts";

/** Bytes that grow; a message is written front to back, lengths first, so sizes of nested ones are known by encoding them. */
class Sink {
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #used = 0;

  varint(value: number | bigint): void {
    this.#reserve(10);
    let small: number;
    if (typeof value === "number" && value >= 0 && Number.isSafeInteger(value)) small = value;
    else {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest > 0x1f_ffff_ffff_ffffn) {
        this.#bytes[this.#used++] = Number(rest & 127n) | 128;
        rest >>= 7n;
      }
      small = Number(rest);
    }
    while (small > 127) {
      this.#bytes[this.#used++] = (small % 128) | 128;
      small = Math.floor(small / 128);
    }
    this.#bytes[this.#used++] = small;
  }

  lengthAndBytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#used);
    this.#used += value.length;
  }

  lengthAndText(value: string): void {
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#reserve(length);
    this.#used += this.#bytes.write(value, this.#used);
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + more));
    this.#bytes.copy(grown, 0, 0, this.#used);
    this.#bytes = grown;
  }
}

function isDefault(value: unknown): boolean {
  return (
    value === "" ||
    value === 0 ||
    value === 0n ||
    value === false ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function writeValue(sink: Sink, field: Field, value: unknown): void {
  if (field.message !== undefined) sink.lengthAndBytes(encodeFields(field.message, value));
  else if (typeof value === "string") sink.lengthAndText(value);
  else if (value instanceof Uint8Array) sink.lengthAndBytes(value);
  else if (typeof value === "boolean") sink.varint(value ? 1 : 0);
  else if (typeof value === "number" || typeof value === "bigint") sink.varint(value);
  else throw new TypeError(`protobuf: field ${field.name} holds ${typeof value}`);
}

function writeMap(sink: Sink, field: Field, value: object): void {
  for (const [key, one] of Object.entries(value)) {
    const entry = new Sink();
    entry.varint((1 << 3) | 2);
    entry.lengthAndText(key);
    entry.varint((2 << 3) | field.wireType);
    writeValue(entry, field, one);
    sink.varint((field.number << 3) | 2);
    sink.lengthAndBytes(entry.take());
  }
}

function writeField(sink: Sink, field: Field, value: unknown): void {
  if (value === undefined || value === null) return;
  if (field.rule === "map") {
    writeMap(sink, field, value);
    return;
  }
  const list: readonly unknown[] = field.rule === "repeated" && Array.isArray(value) ? value : [value];
  for (const one of list) {
    if (field.rule === "single" && isDefault(one)) continue;
    sink.varint((field.number << 3) | field.wireType);
    writeValue(sink, field, one);
  }
}

function encodeFields(name: MessageName, value: unknown): Buffer {
  const sink = new Sink();
  if (typeof value !== "object" || value === null) throw new TypeError(`protobuf: ${name} is no object`);
  for (const field of tableOf(name).fields) writeField(sink, field, Reflect.get(value, field.name));
  return sink.take();
}

/** The message as protobuf, fields in the table's order. */
export function encode<N extends MessageName>(name: N, value: Encodable<N>): Buffer {
  return encodeFields(name, value);
}
