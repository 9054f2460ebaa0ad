import { hash } from "node:crypto";
import type { ContextEntry } from "./contextDirectory.ts";

/**
 * What a received context holds, in walk order, as bytes: contexts have a hundred thousand entries, of which most are only
 * compared. `header, then for each entry: length, where its bytes are, their digest, facts, path, link, xattrs`. A record
 * from its facts on is the same for the same entry.
 */
export type ContextListBytes = Buffer<ArrayBuffer>;

const MAGIC = "varve context 2\n";
const BOOT_ID_BYTES = 36;
export const LIST_HEADER_BYTES: number = MAGIC.length + BOOT_ID_BYTES + 8;
const FIRST_BYTES = 1 << 14;
const DIGEST_BYTES = 32;

/** Within a record. */
const AT = {
  LENGTH: 0,
  OFFSET: 4,
  CONTENT_BYTES: 12,
  DIGEST: 20,
  MODE: 52,
  UID: 56,
  GID: 60,
  SIZE: 64,
  MODIFIED: 72,
  MAJOR: 80,
  MINOR: 84,
  PATH_BYTES: 88,
  LINK_BYTES: 90,
  XATTR_BYTES: 92,
  TEXT: 96,
} as const;
/** No bytes of its own anywhere. */
const NOWHERE = -1;
/** That of no entry. */
const NO_SIZE = -1;
const EMPTY_DIGEST: Buffer = hash("sha256", "", "buffer");
const NANO = 1_000_000_000n;

/** Appends records. */
export class ContextListWriter {
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #used = LIST_HEADER_BYTES;

  /** The list so far; valid until the next entry. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.#bytes;
  }

  get end(): number {
    return this.#used;
  }

  /** Where the record begins. */
  add(entry: ContextEntry): number {
    const { path, linkname, xattrs } = entry;
    const packed = xattrs.size === 0 ? undefined : packXattrs(xattrs);
    const at = this.#used;
    this.#reserve(AT.TEXT + 3 * (path.length + linkname.length) + (packed?.length ?? 0));
    const bytes = this.#bytes;
    const pathBytes = bytes.write(path, at + AT.TEXT, "utf8");
    const linkBytes = linkname === "" ? 0 : bytes.write(linkname, at + AT.TEXT + pathBytes, "utf8");
    packed?.copy(bytes, at + AT.TEXT + pathBytes + linkBytes);
    const length = AT.TEXT + pathBytes + linkBytes + (packed?.length ?? 0);
    bytes.writeUInt32LE(length, at + AT.LENGTH);
    bytes.writeDoubleLE(NOWHERE, at + AT.OFFSET);
    bytes.writeDoubleLE(0, at + AT.CONTENT_BYTES);
    EMPTY_DIGEST.copy(bytes, at + AT.DIGEST);
    bytes.writeUInt32LE(entry.mode >>> 0, at + AT.MODE);
    bytes.writeUInt32LE(entry.uid >>> 0, at + AT.UID);
    bytes.writeUInt32LE(entry.gid >>> 0, at + AT.GID);
    bytes.writeDoubleLE(entry.size, at + AT.SIZE);
    bytes.writeBigInt64LE(BigInt.asIntN(64, entry.modifiedAt), at + AT.MODIFIED);
    bytes.writeUInt32LE(entry.deviceMajor >>> 0, at + AT.MAJOR);
    bytes.writeUInt32LE(entry.deviceMinor >>> 0, at + AT.MINOR);
    bytes.writeUInt16LE(pathBytes, at + AT.PATH_BYTES);
    bytes.writeUInt16LE(linkBytes, at + AT.LINK_BYTES);
    bytes.writeUInt32LE(packed?.length ?? 0, at + AT.XATTR_BYTES);
    this.#used = at + length;
    return at;
  }

  /** Where a file's bytes are, once they are. */
  locate(at: number, offset: number, length: number): void {
    this.#bytes.writeDoubleLE(offset, at + AT.OFFSET);
    this.#bytes.writeDoubleLE(length, at + AT.CONTENT_BYTES);
  }

  /** sha256 of a file's bytes: 32 bytes of `sums` from `from` on. */
  digested(at: number, sums: Buffer, from: number): void {
    sums.copy(this.#bytes, at + AT.DIGEST, from, from + DIGEST_BYTES);
  }

  /** No entry will be the same as this one. */
  forget(at: number): void {
    this.#bytes.writeDoubleLE(NO_SIZE, at + AT.SIZE);
  }

  /** The bytes of the same entry in another list. */
  locateAs(at: number, other: ContextListBytes, otherAt: number): void {
    other.copy(this.#bytes, at + AT.OFFSET, otherAt + AT.OFFSET, otherAt + AT.MODE);
  }

  /** `madeAt`: ms since 1970, the root's time. */
  finish(bootId: string, madeAt: number): ContextListBytes {
    this.#bytes.write(MAGIC, 0, "latin1");
    this.#bytes.write(bootId.padEnd(BOOT_ID_BYTES).slice(0, BOOT_ID_BYTES), MAGIC.length, "latin1");
    this.#bytes.writeDoubleLE(madeAt, LIST_HEADER_BYTES - 8);
    const whole = Buffer.allocUnsafeSlow(this.#used);
    this.#bytes.copy(whole, 0, 0, this.#used);
    return whole;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#used + bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }
}

/** Goes along an earlier list while a new one is written, both in walk order. */
export class ListCursor {
  readonly #list: ContextListBytes;
  #at = LIST_HEADER_BYTES;
  /** Something of the earlier list did not come again as it was. */
  isDifferent = false;

  constructor(list: ContextListBytes | undefined) {
    this.#list = list ?? Buffer.alloc(0);
  }

  /** Where the entry that begins at `at` of `fresh` was before, unchanged. */
  find(fresh: ContextListWriter, at: number): number | undefined {
    const list = this.#list;
    const { bytes, end } = fresh;
    while (this.#at < list.length) {
      const here = this.#at;
      const next = here + list.readUInt32LE(here);
      if (list.compare(bytes, at + AT.MODE, end, here + AT.MODE, next) === 0) {
        this.#at = next;
        return here;
      }
      this.isDifferent = true;
      const order = compareWalk(pathAt(list, here), pathAt(bytes, at));
      if (order > 0) return undefined;
      this.#at = next;
      if (order === 0) return undefined;
    }
    this.isDifferent = true;
    return undefined;
  }

  /** Whether all of it came again. */
  get isAtEnd(): boolean {
    return this.#at >= this.#list.length;
  }
}

/** Depth first, names in byte order: `/` is lower than all else. */
function compareWalk(left: Buffer, right: Buffer): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const [a = 0, b = 0] = [left[index], right[index]];
    if (a !== b) return (a === SLASH ? 0 : a) - (b === SLASH ? 0 : b);
  }
  return left.length - right.length;
}
const SLASH = 0x2f;

function pathAt(list: Buffer, at: number): Buffer {
  return list.subarray(at + AT.TEXT, at + AT.TEXT + list.readUInt16LE(at + AT.PATH_BYTES));
}

/** A record as a reader of the tree wants it. */
export interface ListedEntry {
  /** latin1 */
  readonly path: string;
  /** latin1 */
  readonly link: string;
  /** st_mode */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of its bytes in the pack. */
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Of its bytes in the pack; below zero: it has none. */
  readonly offset: number;
  /** Of the record. */
  readonly at: number;
}

export function* listedEntries(list: ContextListBytes): Generator<ListedEntry> {
  for (let at = LIST_HEADER_BYTES; at < list.length; at += list.readUInt32LE(at)) {
    const text = at + AT.TEXT;
    const link = text + list.readUInt16LE(at + AT.PATH_BYTES);
    const end = link + list.readUInt16LE(at + AT.LINK_BYTES);
    yield {
      path: list.toString("latin1", text, link),
      link: end === link ? "" : list.toString("latin1", link, end),
      mode: list.readUInt32LE(at + AT.MODE),
      uid: list.readUInt32LE(at + AT.UID),
      gid: list.readUInt32LE(at + AT.GID),
      size: list.readDoubleLE(at + AT.CONTENT_BYTES),
      mtimeSeconds: secondsOf(list.readBigInt64LE(at + AT.MODIFIED)),
      deviceMajor: list.readUInt32LE(at + AT.MAJOR),
      deviceMinor: list.readUInt32LE(at + AT.MINOR),
      offset: list.readDoubleLE(at + AT.OFFSET),
      at,
    };
  }
}

/** Rounded down, before 1970 too. */
function secondsOf(nanoseconds: bigint): number {
  return Number((nanoseconds - (((nanoseconds % NANO) + NANO) % NANO)) / NANO);
}

/** Ranges of the pack that a list needs. */
export function* listedRanges(list: ContextListBytes): Generator<{ readonly offset: number; readonly length: number }> {
  for (let at = LIST_HEADER_BYTES; at < list.length; at += list.readUInt32LE(at)) {
    const offset = list.readDoubleLE(at + AT.OFFSET);
    if (offset >= 0) yield { offset, length: list.readDoubleLE(at + AT.CONTENT_BYTES) };
  }
}

/** sha256, hex. */
export function listedDigest(list: ContextListBytes, at: number): string {
  return list.toString("hex", at + AT.DIGEST, at + AT.DIGEST + DIGEST_BYTES);
}

export function listedXattrs(list: ContextListBytes, at: number): ReadonlyMap<string, Uint8Array> | undefined {
  const length = list.readUInt32LE(at + AT.XATTR_BYTES);
  if (length === 0) return undefined;
  const end = at + list.readUInt32LE(at + AT.LENGTH);
  return unpackXattrs(list.subarray(end - length, end));
}

/** What the list says of itself; undefined: it is none. */
export function listHeader(list: Buffer): { readonly bootId: string; readonly madeAt: number } | undefined {
  if (list.length < LIST_HEADER_BYTES || list.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  return {
    bootId: list.toString("latin1", MAGIC.length, MAGIC.length + BOOT_ID_BYTES),
    madeAt: list.readDoubleLE(LIST_HEADER_BYTES - 8),
  };
}

/** `2 bytes length of the name, 4 of the value, name, value` each, by name: the same attributes are the same bytes. */
function packXattrs(xattrs: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts = [...xattrs].sort(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.concat(
    parts.flatMap(([name, value]) => {
      const text = Buffer.from(name);
      const lengths = Buffer.allocUnsafe(6);
      lengths.writeUInt16LE(text.length, 0);
      lengths.writeUInt32LE(value.length, 2);
      return [lengths, text, value];
    }),
  );
}

function unpackXattrs(bytes: Buffer): ReadonlyMap<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const name = at + 6;
    const value = name + bytes.readUInt16LE(at);
    const end = value + bytes.readUInt32LE(at + 2);
    xattrs.set(bytes.toString("utf8", name, value), bytes.subarray(value, end));
    at = end;
  }
  return xattrs;
}
