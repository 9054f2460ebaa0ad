/** The 512-byte header: POSIX.1-2017 pax "ustar Interchange Format", GNU tar manual "Basic Tar Format", star(5). */
import { readNumber } from "./number.ts";

export const BLOCK: number = 512;

/** Offset and length of a field. */
export type Field = readonly [offset: number, length: number];

type FieldName =
  | "name"
  | "mode"
  | "uid"
  | "gid"
  | "size"
  | "mtime"
  | "checksum"
  | "typeFlag"
  | "link"
  | "magic"
  | "deviceMajor"
  | "deviceMinor"
  | "prefix";

export const FIELD: Readonly<Record<FieldName, Field>> = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  link: [157, 100],
  magic: [257, 8],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
};

const STAR_TRAILER_OFFSET = 508;
const STAR_PREFIX_LENGTH = 131;
const SPACE = 0x20;

/** POSIX ("ustar\0", also star's), GNU ("ustar  "), or neither (V7: no device numbers, no prefix). */
export type HeaderFormat = "posix" | "gnu" | "v7";

export function formatOf(block: Buffer): HeaderFormat {
  const magic = block.toString("latin1", FIELD.magic[0], FIELD.magic[0] + 6);
  if (magic === "ustar\0") return "posix";
  return magic === "ustar " ? "gnu" : "v7";
}

export function numberAt(block: Buffer, field: Field): number {
  return readNumber(block, field[0], field[1]);
}

/** A text field up to its first NUL, one character a byte. */
export function textAt(block: Buffer, [offset, length]: Field): string {
  const nul = block.indexOf(0, offset);
  return block.toString("latin1", offset, nul < 0 || nul > offset + length ? offset + length : nul);
}

/** The name as the header alone gives it. GNU uses the prefix area for other things, hence only for POSIX. */
export function headerName(block: Buffer, format: HeaderFormat): string {
  const name = textAt(block, FIELD.name);
  if (format !== "posix" || block[FIELD.prefix[0]] === 0) return name;
  const isStar = block.toString("latin1", STAR_TRAILER_OFFSET, BLOCK) === "tar\0";
  const prefix = textAt(block, isStar ? [FIELD.prefix[0], STAR_PREFIX_LENGTH] : FIELD.prefix);
  return prefix === "" ? name : `${prefix}/${name}`;
}

export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** The sum over the header with its checksum field as spaces; old writers summed signed bytes. */
export function hasValidChecksum(block: Buffer): boolean {
  const [offset, length] = FIELD.checksum;
  const stored = numberAt(block, FIELD.checksum);
  let unsigned = length * SPACE;
  let highBytes = 0;
  for (let at = 0; at < BLOCK; at += 1) {
    if (at >= offset && at < offset + length) continue;
    const byte = block[at] ?? 0;
    unsigned += byte;
    if (byte >= 0x80) highBytes += 1;
  }
  return stored === unsigned || stored === unsigned - highBytes * 256;
}

/** Bytes from `size` to the next block border. */
export function paddingAfter(size: number): number {
  const rest = size % BLOCK;
  return rest === 0 ? 0 : BLOCK - rest;
}
