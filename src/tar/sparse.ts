/** GNU sparse files: old GNU ('S'), and PAX 0.0, 0.1, 1.0. GNU tar manual, "Storing Sparse Files". */
import type { SparseExtent } from "./entry.ts";
import { BLOCK } from "./headerBlock.ts";
import type { Field } from "./headerBlock.ts";
import { parseSize, readNumber } from "./number.ts";
import type { PaxAttributes } from "./pax.ts";
import { invalidTar } from "./tarError.ts";

/** Where the runs of an old GNU map lie in a header or an extension block, and whether another block follows. */
interface SparseTable {
  readonly offset: number;
  readonly slots: number;
  readonly isExtended: number;
}

export const HEADER_TABLE: SparseTable = { offset: 386, slots: 4, isExtended: 482 };
export const EXTENSION_TABLE: SparseTable = { offset: 0, slots: 21, isExtended: 504 };
export const OLD_GNU_REAL_SIZE: Field = [483, 12];
const SLOT_BYTES = 24;
const NUMBER_BYTES = 12;
const NEWLINE = 0x0a;
const DIGIT_0 = 0x30;

/** Adds the runs of one old GNU table; true if an extension block follows. */
export function readSparseTable(block: Buffer, table: SparseTable, extents: SparseExtent[]): boolean {
  for (let slot = 0; slot < table.slots; slot += 1) {
    const at = table.offset + slot * SLOT_BYTES;
    if (block[at] === 0) break;
    extents.push({
      offset: readNumber(block, at, NUMBER_BYTES),
      length: readNumber(block, at + NUMBER_BYTES, NUMBER_BYTES),
    });
  }
  return block[table.isExtended] !== 0;
}

/** What the PAX records say of a sparse file; `extents` is undefined if the map lies before the data (1.0). */
export interface PaxSparse {
  readonly name: string | undefined;
  readonly realSize: number | undefined;
  readonly extents: SparseExtent[] | undefined;
}

export function readPaxSparse(pax: PaxAttributes, maxExtents: number): PaxSparse | undefined {
  const major = pax.text("GNU.sparse.major");
  const minor = pax.text("GNU.sparse.minor");
  const map = pax.text("GNU.sparse.map");
  const isInData = major === "1" && minor === "0";
  if (!isInData && (major ?? "0") !== "0") return undefined;
  if (!isInData && map === undefined && pax.text("GNU.sparse.numblocks") === undefined) return undefined;
  const size = pax.text("GNU.sparse.realsize") ?? pax.text("GNU.sparse.size");
  return {
    name: pax.path("GNU.sparse.name"),
    realSize: size === undefined ? undefined : parseSize(size, "GNU.sparse.size"),
    extents: isInData ? undefined : readMapRecords(pax, map, maxExtents),
  };
}

function readMapRecords(pax: PaxAttributes, map: string | undefined, maxExtents: number): SparseExtent[] {
  const numbers = map === undefined ? repeatedRecords(pax) : map.split(",", 2 * maxExtents + 2);
  if (numbers.length % 2 !== 0) throw invalidTar("a sparse map has an odd count of numbers");
  const extents: SparseExtent[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    extents.push({
      offset: parseSize(numbers[at] ?? "", "GNU.sparse.map"),
      length: parseSize(numbers[at + 1] ?? "", "GNU.sparse.map"),
    });
  }
  return extents;
}

/** Format 0.0: GNU.sparse.offset and GNU.sparse.numbytes in turn. */
function repeatedRecords(pax: PaxAttributes): string[] {
  const numbers: string[] = [];
  for (const { key, value } of pax.own) {
    const isOffset = key === "GNU.sparse.offset";
    if (!isOffset && key !== "GNU.sparse.numbytes") continue;
    if (isOffset !== (numbers.length % 2 === 0)) throw invalidTar("a sparse map is out of order");
    numbers.push(value.toString("latin1"));
  }
  return numbers;
}

/** The map of format 1.0: decimal lines `count`, then `offset` and `length` for each run, padded to a block. */
export class SparseMapReader {
  readonly #maxExtents: (count: number) => void;
  readonly extents: SparseExtent[] = [];
  #count: number | undefined;
  #offset: number | undefined;
  #digits = "";
  blocks = 0;

  constructor(checkCount: (count: number) => void) {
    this.#maxExtents = checkCount;
  }

  /** Takes one block; true when the map is complete. */
  push(block: Buffer): boolean {
    this.blocks += 1;
    for (let at = 0; at < BLOCK; at += 1) {
      const byte = block[at] ?? 0;
      if (byte !== NEWLINE) {
        this.#digit(byte);
        continue;
      }
      this.#number(parseSize(this.#digits, "of a sparse map"));
      this.#digits = "";
      if (this.#count === this.extents.length) return true;
    }
    return false;
  }

  #digit(byte: number): void {
    if (byte < DIGIT_0 || byte > DIGIT_0 + 9 || this.#digits.length >= 20)
      throw invalidTar("a sparse map is malformed");
    this.#digits += String.fromCharCode(byte);
  }

  #number(value: number): void {
    if (this.#count === undefined) {
      this.#maxExtents(value);
      this.#count = value;
    } else if (this.#offset === undefined) {
      this.#offset = value;
    } else {
      this.extents.push({ offset: this.#offset, length: value });
      this.#offset = undefined;
    }
  }
}

/** Ascending, apart, within the file, and just as long together as what is stored; empty runs dropped. */
export function checkExtents(extents: readonly SparseExtent[], size: number, storedSize: number): SparseExtent[] {
  if (size < 0) throw invalidTar("a negative size");
  let end = 0;
  let stored = 0;
  for (const { offset, length } of extents) {
    if (offset < end || length < 0 || offset + length > size) throw invalidTar("a sparse map does not fit its file");
    end = offset + length;
    stored += length;
  }
  if (stored !== storedSize) throw invalidTar("a sparse map does not match the stored bytes");
  return extents.filter(({ length }) => length > 0);
}
