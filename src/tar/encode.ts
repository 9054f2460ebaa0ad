/** Writing: POSIX ustar headers, with PAX records only for what ustar cannot say. The same entry gives the same bytes. */
import { isAscii, isUtf8 } from "node:buffer";
import type { TarEntry, TarEntryType } from "./entry.ts";
import { BLOCK, FIELD, paddingAfter } from "./headerBlock.ts";
import type { Field } from "./headerBlock.ts";
import { XATTR_PREFIX, formatPaxTime, paxRecord } from "./pax.ts";
import { baseNameOf } from "./path.ts";
import { invalidTar } from "./tarError.ts";

/** What a writer is told of an entry; what is left out is 0, "" or none. `size` counts for files only. */
export type TarHeader = Pick<TarEntry, "path" | "type"> &
  Partial<
    Pick<
      TarEntry,
      | "mode"
      | "uid"
      | "gid"
      | "size"
      | "mtimeSeconds"
      | "mtimeNanoseconds"
      | "linkPath"
      | "deviceMajor"
      | "deviceMinor"
      | "xattrs"
    >
  >;

/** The two zero blocks that end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

const FLAG_OF_TYPE: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const NO_DEVICE = [0, 0] as const;
const PAX_FLAG = "x";
const PAX_MODE = 0o644;
const SPACE = 0x20;
const ZERO = 0x30;
const HALF_WORD = 2 ** 31;

/** The numeric and text fields of one header block. */
interface BlockFields {
  /** Bytes, or latin1 text of at most the field's length. */
  readonly name: Buffer | string;
  readonly link: Buffer | string;
  readonly flag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly device: readonly [major: number, minor: number] | undefined;
}

/**
 * Header blocks for one entry, PAX extended header included; the body and {@link tarPadding} follow. A directory gets
 * its trailing `/`. Names that are not UTF-8 go into the ustar field as they are, or into PAX under
 * `hdrcharset=BINARY` when they are too long for it.
 *
 * `block`: 512 bytes that are filled and returned when one block says all in ASCII, as most do; they save an allocation.
 *
 * @throws {invalid_argument} INVALID_TAR for what no tar can hold (NUL in a name, `=` in an xattr's name …)
 */
export function encodeTarHeader(header: TarHeader, block?: Buffer): Uint8Array {
  if (block !== undefined && isShort(header)) return encodeShort(header, block.fill(0));
  const path = pathBytes(header);
  const link = Buffer.from(header.linkPath ?? "", "latin1");
  const size = header.type === "file" ? (header.size ?? 0) : 0;
  const records = paxRecords(header, path, link, size);
  const own = encodeBlock(fieldsOf(header, path, link));
  return records.length === 0 ? own : Buffer.concat([...encodePax(header, Buffer.concat(records)), own]);
}

/** Names that are ASCII and no longer than this are written as they are; a directory gets one more byte. */
const SHORT_NAME = 99;

/** Without PAX records. */
function isShort({ path, type, linkPath = "", size = 0, uid = 0, gid = 0, ...rest }: TarHeader): boolean {
  const { mtimeSeconds = 0, mtimeNanoseconds = 0, xattrs } = rest;
  return (
    xattrs === undefined &&
    mtimeNanoseconds === 0 &&
    isShortText(path) &&
    path !== "" &&
    !path.endsWith("/") &&
    isShortText(linkPath) &&
    (type !== "file" || fits(size, FIELD.size)) &&
    fits(uid, FIELD.uid) &&
    fits(gid, FIELD.gid) &&
    fits(mtimeSeconds, FIELD.mtime)
  );
}

function isShortText(text: string): boolean {
  if (text.length > SHORT_NAME) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0 || code >= 0x80) return false;
  }
  return true;
}

function encodeShort(header: TarHeader, block: Buffer): Buffer {
  const name = header.type === "directory" ? `${header.path}/` : header.path;
  return encodeBlock(fieldsOf(header, name, header.linkPath ?? ""), block);
}

function fieldsOf(header: TarHeader, name: Buffer | string, link: Buffer | string): BlockFields {
  const isDevice = header.type === "char" || header.type === "block";
  return {
    name,
    link,
    flag: FLAG_OF_TYPE[header.type],
    mode: header.mode ?? 0,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    size: header.type === "file" ? (header.size ?? 0) : 0,
    mtime: header.mtimeSeconds ?? 0,
    // Zeros for all others, as Go's writer has it: what BuildKit makes of the same files has the same digest.
    device: isDevice ? [header.deviceMajor ?? 0, header.deviceMinor ?? 0] : NO_DEVICE,
  };
}

/** Zeros from the end of a body of `size` bytes to the next block border; may be empty. */
export function tarPadding(size: number): Uint8Array {
  return TAR_END.subarray(0, paddingAfter(size));
}

function pathBytes({ path, type }: TarHeader): Buffer {
  if (path === "") throw invalidTar("an entry without a name");
  if (type !== "directory") {
    if (path.endsWith("/")) throw invalidTar(`${JSON.stringify(path)} ends in "/" and is no directory`);
    return Buffer.from(path, "latin1");
  }
  return Buffer.from(path.endsWith("/") ? path : `${path}/`, "latin1");
}

function paxRecords(header: TarHeader, path: Buffer, link: Buffer, size: number): Buffer[] {
  if (path.includes(0) || link.includes(0)) throw invalidTar("a name holds a NUL");
  const names: Buffer[] = [];
  if (needsPax(path, FIELD.name)) names.push(paxRecord("path", path));
  if (needsPax(link, FIELD.link)) names.push(paxRecord("linkpath", link));
  const isBinary = names.length > 0 && !(isUtf8(path) && isUtf8(link));
  const records = isBinary ? [paxRecord("hdrcharset", Buffer.from("BINARY")), ...names] : names;
  const { uid = 0, gid = 0, mtimeSeconds = 0, mtimeNanoseconds = 0 } = header;
  if (!fits(size, FIELD.size)) records.push(paxRecord("size", Buffer.from(String(size))));
  if (!fits(uid, FIELD.uid)) records.push(paxRecord("uid", Buffer.from(String(uid))));
  if (!fits(gid, FIELD.gid)) records.push(paxRecord("gid", Buffer.from(String(gid))));
  if (mtimeNanoseconds !== 0 || !fits(mtimeSeconds, FIELD.mtime)) {
    records.push(paxRecord("mtime", Buffer.from(formatPaxTime(mtimeSeconds, mtimeNanoseconds))));
  }
  return [...records, ...xattrRecords(header)];
}

function xattrRecords({ xattrs }: TarHeader): Buffer[] {
  return [...(xattrs ?? [])]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      if (name.includes("=") || name.includes("\0")) throw invalidTar(`xattr ${JSON.stringify(name)} has no PAX form`);
      return paxRecord(`${XATTR_PREFIX}${name}`, value);
    });
}

/** POSIX wants UTF-8 in a PAX record; bytes that are no UTF-8 are safest untouched in the old field. */
function needsPax(text: Buffer, [, length]: Field): boolean {
  return text.length > length || (!isAscii(text) && isUtf8(text));
}

/** By a field's length: one more than the largest number that it takes. */
const LIMITS: readonly number[] = Array.from({ length: 13 }, (_, length) => 8 ** (length - 1));

function fits(value: number, [, length]: Field): boolean {
  return value >= 0 && value < (LIMITS[length] ?? 0);
}

function encodePax(header: TarHeader, records: Buffer): Uint8Array[] {
  const name = Buffer.from(`PaxHeaders.0/${baseNameOf(header.path.replace(/\/+$/, ""))}`, "latin1");
  const fields = { name, link: Buffer.alloc(0), flag: PAX_FLAG, mode: PAX_MODE, uid: 0, gid: 0, mtime: 0 };
  return [encodeBlock({ ...fields, size: records.length, device: undefined }), records, tarPadding(records.length)];
}

function encodeBlock(fields: BlockFields, block: Buffer = Buffer.alloc(BLOCK)): Buffer {
  const name = writeText(block, FIELD.name, fields.name);
  const link = writeText(block, FIELD.link, fields.link);
  block.write("ustar\x0000", FIELD.magic[0], "latin1");
  block.write(fields.flag, FIELD.typeFlag[0], "latin1");
  writeOctal(block, FIELD.mode, fields.mode);
  writeOctal(block, FIELD.uid, fields.uid);
  writeOctal(block, FIELD.gid, fields.gid);
  writeOctal(block, FIELD.size, fields.size);
  writeOctal(block, FIELD.mtime, fields.mtime);
  if (fields.device !== undefined) {
    if (!fields.device.every((number) => fits(number, FIELD.deviceMajor)))
      throw invalidTar("a device number is too large");
    writeOctal(block, FIELD.deviceMajor, fields.device[0]);
    writeOctal(block, FIELD.deviceMinor, fields.device[1]);
  }
  writeChecksum(block, name, link);
  return block;
}

/** As much as fits; how many bytes that is. */
function writeText(block: Buffer, [offset, length]: Field, text: Buffer | string): number {
  if (typeof text === "string") return block.write(text, offset, length, "latin1");
  return text.copy(block, offset, 0, length);
}

/** A value that does not fit is 0 here: its PAX record rules. */
function writeOctal(block: Buffer, field: Field, value: number): void {
  const [offset, length] = field;
  // Digit by digit: a layer of many files has some hundred thousand of these.
  let left = fits(value, field) ? value : 0;
  for (let at = offset + length - 2; at >= offset; at -= 1) {
    block[at] = ZERO + (left % 8);
    left = left < HALF_WORD ? left >> 3 : Math.floor(left / 8);
  }
}

/** Sums what can be other than zero: the two names as long as they are, and the fields between and behind them. */
function writeChecksum(block: Buffer, name: number, link: number): void {
  const [offset, length] = FIELD.checksum;
  const sum =
    length * SPACE +
    sumOf(block, 0, name) +
    sumOf(block, FIELD.mode[0], offset) +
    sumOf(block, FIELD.typeFlag[0], FIELD.link[0] + link) +
    sumOf(block, FIELD.magic[0], FIELD.prefix[0]);
  writeOctal(block, [offset, length - 1], sum);
  block[offset + length - 2] = 0;
  block[offset + length - 1] = SPACE;
}

function sumOf(block: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 1) sum += block[at] ?? 0;
  return sum;
}
