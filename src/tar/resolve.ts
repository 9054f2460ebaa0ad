import type { SparseExtent, TarEntry, TarEntryType } from "./entry.ts";
import { FIELD, formatOf, headerName, numberAt, textAt } from "./headerBlock.ts";
import type { Field, HeaderFormat } from "./headerBlock.ts";
import { parseDecimal, toOwner } from "./number.ts";
import { parsePaxTime } from "./pax.ts";
import type { PaxAttributes } from "./pax.ts";
import { invalidTar } from "./tarError.ts";

/** What extended headers said before the entry's own header. */
export interface Overrides {
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
  readonly pax: PaxAttributes;
}

/** Where the data lies, and what a sparse map said of it. */
export interface EntryData {
  readonly dataOffset: number;
  readonly storedSize: number;
  readonly sparse: { readonly size: number; readonly extents: readonly SparseExtent[] } | undefined;
}

const TYPE_OF_FLAG: ReadonlyMap<string, TarEntryType> = new Map([
  ["\0", "file"],
  ["0", "file"],
  ["7", "file"],
  ["S", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "char"],
  ["4", "block"],
  ["5", "directory"],
  ["6", "fifo"],
]);
const PERMISSION_BITS = 0o7777;

/** Header and extended headers folded into one entry, PAX over GNU over ustar; undefined for a type we do not know. */
export function buildEntry(block: Buffer, overrides: Overrides, data: EntryData): TarEntry | undefined {
  const flag = String.fromCharCode(block[FIELD.typeFlag[0]] ?? 0);
  const known = TYPE_OF_FLAG.get(flag);
  if (known === undefined) return undefined;
  const { pax } = overrides;
  const format = formatOf(block);
  const path = pathOf(block, overrides, data, format);
  // V7 had no directory type; a trailing slash told.
  const type = known === "file" && path.endsWith("/") ? "directory" : known;
  const isFile = type === "file";
  const isLink = type === "hardlink" || type === "symlink";
  const isDevice = (type === "char" || type === "block") && format !== "v7";
  const time = timeOf(block, pax);
  return {
    path,
    type,
    mode: numberAt(block, FIELD.mode) & PERMISSION_BITS,
    uid: ownerOf(block, pax, "uid"),
    gid: ownerOf(block, pax, "gid"),
    size: isFile ? (data.sparse?.size ?? data.storedSize) : 0,
    mtimeSeconds: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    linkPath: isLink ? linkOf(block, overrides) : "",
    deviceMajor: isDevice ? deviceNumber(block, FIELD.deviceMajor) : 0,
    deviceMinor: isDevice ? deviceNumber(block, FIELD.deviceMinor) : 0,
    xattrs: pax.xattrs(),
    dataOffset: data.dataOffset,
    storedSize: isFile ? data.storedSize : 0,
    sparse: isFile ? data.sparse?.extents : undefined,
  };
}

function pathOf(block: Buffer, overrides: Overrides, data: EntryData, format: HeaderFormat): string {
  const { pax, longName } = overrides;
  const sparseName = data.sparse === undefined ? undefined : pax.path("GNU.sparse.name");
  return sparseName ?? pax.path("path") ?? longName ?? headerName(block, format);
}

function linkOf(block: Buffer, { pax, longLink }: Overrides): string {
  return pax.path("linkpath") ?? longLink ?? textAt(block, FIELD.link);
}

function ownerOf(block: Buffer, pax: PaxAttributes, key: "uid" | "gid"): number {
  const own = pax.text(key);
  return toOwner(own === undefined ? numberAt(block, FIELD[key]) : parseDecimal(own, key), key);
}

function timeOf(block: Buffer, pax: PaxAttributes): { readonly seconds: number; readonly nanoseconds: number } {
  const own = pax.text("mtime");
  return own === undefined ? { seconds: numberAt(block, FIELD.mtime), nanoseconds: 0 } : parsePaxTime(own);
}

function deviceNumber(block: Buffer, field: Field): number {
  const value = numberAt(block, field);
  if (value < 0 || value >= 2 ** 32) throw invalidTar("a device number is out of range");
  return value;
}
