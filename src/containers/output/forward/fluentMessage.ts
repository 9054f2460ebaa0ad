import { randomBytes } from "node:crypto";
import type { ContainerDocument } from "../../document.ts";
import { namedAttributes } from "../logAttributes.ts";
import type { OutputLine } from "./lineSplitter.ts";

/** What all messages of one run have in common. */
export interface FluentSource {
  readonly tag: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly subSecond: boolean;
  readonly acknowledged: boolean;
  /** Of the container, for pieces of long lines. */
  readonly id: string;
}

export function fluentFields(document: ContainerDocument): ReadonlyMap<string, string> {
  return new Map([
    ["container_id", document.id],
    ["container_name", `/${document.name}`],
    ...namedAttributes(document),
  ]);
}

/** msgpack: fixstr, str 8, str 16, str 32. */
function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const { length } = bytes;
  if (length < 32) return Buffer.concat([Buffer.from([0xa0 | length]), bytes]);
  if (length < 256) return Buffer.concat([Buffer.from([0xd9, length]), bytes]);
  const head = Buffer.alloc(length < 65_536 ? 3 : 5);
  head[0] = length < 65_536 ? 0xda : 0xdb;
  if (length < 65_536) head.writeUInt16BE(length, 1);
  else head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** fixmap, map 16. */
function map(entries: readonly (readonly [string, string | Uint8Array])[]): Buffer {
  const head = Buffer.alloc(entries.length < 16 ? 1 : 3);
  if (entries.length < 16) head[0] = 0x80 | entries.length;
  else {
    head[0] = 0xde;
    head.writeUInt16BE(entries.length, 1);
  }
  return Buffer.concat([head, ...entries.flatMap(([name, value]) => [text(name), text(value)])]);
}

/** Seconds, or fluentd's EventTime (fixext 8, type 0). */
function timeOf(milliseconds: number, subSecond: boolean): Buffer {
  const seconds = Math.trunc(milliseconds / 1000);
  const bytes = Buffer.alloc(subSecond ? 10 : 5);
  bytes[0] = subSecond ? 0xd7 : 0xd2;
  bytes.writeUInt32BE(seconds, subSecond ? 2 : 1);
  if (subSecond) bytes.writeUInt32BE((milliseconds % 1000) * 1_000_000, 6);
  return bytes;
}

/** A message of the forward protocol: `[tag, time, record, options]`; `chunk` is what its receipt must name. */
export function fluentMessage(
  source: FluentSource,
  { stream, text: line, partial }: OutputLine,
  milliseconds: number,
): { readonly bytes: Buffer; readonly chunk: string | undefined } {
  const { tag, fields, subSecond, acknowledged, id } = source;
  const record = new Map<string, string | Uint8Array>([["source", stream], ["log", line], ...fields]);
  if (partial !== undefined) {
    record.set("partial_message", "true");
    record.set("partial_id", `${id.slice(0, 12)}-${partial.id}`);
    record.set("partial_ordinal", String(partial.ordinal));
    record.set("partial_last", String(partial.last));
  }
  const chunk = acknowledged ? randomBytes(16).toString("base64") : undefined;
  const options = map(chunk === undefined ? [] : [["chunk", chunk]]);
  const parts = [Buffer.from([0x94]), text(tag), timeOf(milliseconds, subSecond), map([...record]), options];
  return { bytes: Buffer.concat(parts), chunk };
}
