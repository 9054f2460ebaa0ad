import { randomBytes } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import type { ContainerDocument } from "../../document.ts";
import { namedAttributes } from "../logAttributes.ts";
import type { OutputLine } from "./lineSplitter.ts";
import type { GelfOptions } from "./gelfOptions.ts";

const LEVEL = { stdout: 6, stderr: 3 } as const;
/** One datagram, and how many one message may have. @see https://go2docs.graylog.org, "GELF via UDP" */
const CHUNK_BYTES = 1420;
const HEADER_BYTES = 12;
const MAX_CHUNKS = 128;
const MAGIC = [0x1e, 0x0f] as const;

/** Go's encoder escapes what HTML would take for its own. */
const toJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** What all messages of a run have in common: fields of GELF's own, and those of the container in Go's order. */
export function gelfFields(document: ContainerDocument, tag: string): string {
  const { id, name, imageId, config, created } = document;
  const fields = new Map<string, string>([
    ["_command", [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].join(" ")],
    ["_container_id", id],
    ["_container_name", name],
    ["_created", created],
    ["_image_id", imageId],
    ["_image_name", config.Image],
    ["_tag", tag],
    ...namedAttributes(document).map(([key, value]) => [key.startsWith("_") ? key : `_${key}`, value] as const),
  ]);
  return toJson(Object.fromEntries([...fields].sort(([a], [b]) => (a < b ? -1 : 1)))).slice(1);
}

/** GELF 1.1. */
export function gelfMessage(host: string, fields: string, { stream, text }: OutputLine, time: Date): Buffer {
  const head = {
    version: "1.1",
    host,
    short_message: text.toString(),
    timestamp: time.getTime() / 1000,
    level: LEVEL[stream],
  };
  return Buffer.from(`${toJson(head).slice(0, -1)},${fields}`);
}

export function compressMessage(
  message: Buffer,
  { compression, level }: Pick<GelfOptions, "compression" | "level">,
): Buffer {
  if (compression === "none") return message;
  return (compression === "gzip" ? gzipSync : deflateSync)(message, { level });
}

/** A message as datagrams; none when it is longer than GELF allows. */
export function chunksOf(message: Buffer): readonly Buffer[] {
  if (message.byteLength <= CHUNK_BYTES) return [message];
  const room = CHUNK_BYTES - HEADER_BYTES;
  const count = Math.ceil(message.byteLength / room);
  if (count > MAX_CHUNKS) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_item, index) =>
    Buffer.concat([
      Buffer.from(MAGIC),
      id,
      Buffer.from([index, count]),
      message.subarray(index * room, (index + 1) * room),
    ]),
  );
}
