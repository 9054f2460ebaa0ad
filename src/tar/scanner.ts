import type { SparseExtent, TarEntry, TarLimits } from "./entry.ts";
import { BLOCK, FIELD, hasValidChecksum, isZeroBlock, numberAt, paddingAfter } from "./headerBlock.ts";
import { TarBudget } from "./limits.ts";
import { NO_PAX, PaxAttributes, parsePax } from "./pax.ts";
import { parseSize } from "./number.ts";
import { buildEntry } from "./resolve.ts";
import type { Overrides } from "./resolve.ts";
import {
  EXTENSION_TABLE,
  HEADER_TABLE,
  OLD_GNU_REAL_SIZE,
  SparseMapReader,
  checkExtents,
  readPaxSparse,
  readSparseTable,
} from "./sparse.ts";
import type { PaxSparse } from "./sparse.ts";
import { invalidTar, located, truncatedTar } from "./tarError.ts";

export interface TarScannerOptions {
  /** Called in archive order, as soon as the entry's data begins; what it throws leaves `push` unchanged. */
  readonly onEntry: (entry: TarEntry) => void;
  /** Defaults as {@link TarLimits} says. */
  readonly limits?: Partial<TarLimits>;
}

/** A sparse file whose map is being read; the header is a copy. */
interface SparseInProgress {
  readonly header: Buffer;
  readonly extents: SparseExtent[];
  readonly map: SparseMapReader;
  readonly realSize: number | undefined;
}

/** What the next gathered bytes are. */
type Step = "header" | "longName" | "longLink" | "pax" | "globalPax" | "sparseExtension" | "sparseMap";

const STEP_OF_FLAG: ReadonlyMap<string, Step> = new Map([
  ["L", "longName"],
  ["K", "longLink"],
  ["x", "pax"],
  ["g", "globalPax"],
]);

const STEP_NAMES: Readonly<Record<Step, string>> = {
  header: "a header",
  longName: "a long name",
  longLink: "a long link name",
  pax: "a PAX header",
  globalPax: "a global PAX header",
  sparseExtension: "a sparse header",
  sparseMap: "a sparse map",
};

const NO_OVERRIDES: Overrides = { longName: undefined, longLink: undefined, pax: NO_PAX };
const NO_BYTES: Buffer = Buffer.alloc(0);

/**
 * Reads the headers of a tar as its bytes go by, in chunks of any size; file data is stepped over, never looked at.
 * Understands V7, ustar, star, GNU (L, K, S) and PAX (x, g, GNU.sparse 0.0, 0.1, 1.0). Entries of other types are
 * skipped. Nothing may be pushed after `finish` or after an error.
 *
 * @throws {invalid_argument} INVALID_TAR, TAR_TRUNCATED
 * @throws {resource_exhausted} TAR_LIMIT
 */
export class TarScanner {
  readonly #onEntry: (entry: TarEntry) => void;
  readonly #budget: TarBudget;
  readonly #globals = new Map<string, Buffer>();
  #overrides: Overrides = NO_OVERRIDES;
  #step: Step = "header";
  #wanted = BLOCK;
  #held = 0;
  #gathered: Buffer = NO_BYTES;
  /** Bytes to step over, the last `#padding` of which may be missing at the end. */
  #skip = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #position = 0;
  #sparse: SparseInProgress | undefined;
  /** An entry that was just read and not yet handed out. */
  #ready: TarEntry | undefined;

  constructor(options: TarScannerOptions) {
    this.#onEntry = options.onEntry;
    this.#budget = new TarBudget(options.limits);
  }

  /** Bytes pushed so far. */
  get position(): number {
    return this.#position;
  }

  /** True once the two zero blocks were seen; whatever follows is only counted. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  /** Bytes of file data that come next and that nobody will look at: `skip` them where the archive is a file. */
  get ahead(): number {
    return this.#skip;
  }

  /** Steps over the next bytes as if they had been pushed; at most `ahead` of them. */
  skip(bytes: number): void {
    if (bytes > this.#skip) throw new Error("TarScanner.skip beyond the data of a file");
    this.#skip -= bytes;
    this.#position += bytes;
  }

  /** The chunk may be reused by the caller as soon as this returns. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) at += this.#consume(bytes, at);
  }

  /** The tar ends here; end-of-archive blocks and the last padding may be missing, as GNU tar and Go allow. */
  finish(): void {
    if (this.ended) return;
    if (this.#skip > this.#padding) throw truncatedTar("the data of a file");
    if (this.#step !== "header") throw truncatedTar(STEP_NAMES[this.#step]);
    if (this.#gathered.subarray(0, this.#held).some((byte) => byte !== 0)) throw truncatedTar("a header");
    if (this.#overrides !== NO_OVERRIDES) throw truncatedTar("an entry that has only an extended header");
  }

  #consume(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    if (this.#skip > 0 || this.ended) {
      const taken = this.ended ? available : Math.min(this.#skip, available);
      this.#skip -= Math.min(this.#skip, taken);
      this.#position += taken;
      return taken;
    }
    const taken = Math.min(this.#wanted - this.#held, available);
    this.#position += taken;
    this.#gather(bytes.subarray(at, at + taken));
    return taken;
  }

  #gather(part: Buffer): void {
    if (part.length === this.#wanted) {
      this.#run(part);
      return;
    }
    if (this.#held === 0) this.#gathered = Buffer.allocUnsafe(this.#wanted);
    part.copy(this.#gathered, this.#held);
    this.#held += part.length;
    if (this.#held < this.#wanted) return;
    const whole = this.#gathered;
    this.#held = 0;
    this.#gathered = NO_BYTES;
    this.#run(whole);
  }

  #expect(step: Step, wanted: number): void {
    this.#step = step;
    this.#wanted = wanted;
    if (wanted === 0) this.#run(NO_BYTES);
  }

  #stepOver(data: number, padding: number): void {
    this.#skip = data + padding;
    this.#padding = padding;
  }

  #run(bytes: Buffer): void {
    try {
      this.#read(bytes);
    } catch (error) {
      throw located(error, this.#position - bytes.length);
    }
    const entry = this.#ready;
    this.#ready = undefined;
    if (entry !== undefined) this.#onEntry(entry);
  }

  #read(bytes: Buffer): void {
    switch (this.#step) {
      case "header":
        this.#readBlock(bytes);
        break;
      case "sparseExtension":
        this.#readSparseExtension(bytes);
        break;
      case "sparseMap":
        this.#readSparseMap(bytes);
        break;
      case "longName":
      case "longLink":
      case "pax":
      case "globalPax":
        this.#readExtended(bytes, this.#step);
        break;
    }
  }

  #readBlock(block: Buffer): void {
    if (isZeroBlock(block)) {
      this.#zeroBlocks += 1;
      return;
    }
    if (this.#zeroBlocks === 1) throw invalidTar("a lone zero block");
    if (!hasValidChecksum(block)) throw invalidTar("bad header checksum");
    const flag = String.fromCharCode(block[FIELD.typeFlag[0]] ?? 0);
    const extended = STEP_OF_FLAG.get(flag);
    if (extended === undefined) this.#readHeader(block, flag);
    else this.#beginExtended(block, extended);
  }

  #beginExtended(block: Buffer, step: Step): void {
    const size = numberAt(block, FIELD.size);
    if (size < 0) throw invalidTar("a negative size");
    this.#budget.extendedHeader(size);
    this.#expect(step, size);
  }

  #readExtended(bytes: Buffer, step: "longName" | "longLink" | "pax" | "globalPax"): void {
    if (step === "globalPax") this.#readGlobals(bytes);
    else if (step === "pax") {
      this.#overrides = { ...this.#overrides, pax: new PaxAttributes(this.#globals, parsePax(bytes)) };
    } else this.#overrides = { ...this.#overrides, [step]: textOf(bytes) };
    const padding = paddingAfter(bytes.length);
    this.#expect("header", BLOCK);
    this.#stepOver(0, padding);
  }

  /** Globals hold until another global header or an entry's own record overrides them. */
  #readGlobals(bytes: Buffer): void {
    let held = 0;
    for (const { key, value } of parsePax(bytes)) this.#globals.set(key, value);
    for (const [key, value] of this.#globals) held += key.length + value.length;
    this.#budget.extendedHeader(held);
  }

  #readHeader(block: Buffer, flag: string): void {
    if (this.#overrides.pax === NO_PAX && this.#globals.size > 0) {
      this.#overrides = { ...this.#overrides, pax: new PaxAttributes(this.#globals, []) };
    }
    const limit = this.#budget.maxSparseExtents;
    const sparse = isPlainFile(flag) ? readPaxSparse(this.#overrides.pax, limit) : undefined;
    if (flag === "S") this.#beginOldSparse(block);
    else if (sparse !== undefined) this.#beginPaxSparse(block, sparse);
    else this.#deliver(block, this.#storedSize(block), undefined);
  }

  #storedSize(block: Buffer): number {
    const own = this.#overrides.pax.text("size");
    const size = own === undefined ? numberAt(block, FIELD.size) : parseSize(own, "size");
    if (size < 0) throw invalidTar("a negative size");
    return size;
  }

  #beginOldSparse(block: Buffer): void {
    const extents: SparseExtent[] = [];
    const isExtended = readSparseTable(block, HEADER_TABLE, extents);
    const realSize = numberAt(block, OLD_GNU_REAL_SIZE);
    this.#sparse = { header: Buffer.from(block), extents, map: this.#newMap(), realSize };
    if (isExtended) this.#expect("sparseExtension", BLOCK);
    else this.#finishOldSparse();
  }

  #readSparseExtension(block: Buffer): void {
    const { extents } = this.#sparseInProgress();
    const isExtended = readSparseTable(block, EXTENSION_TABLE, extents);
    this.#budget.sparseExtents(extents.length);
    if (!isExtended) this.#finishOldSparse();
  }

  #finishOldSparse(): void {
    const { header, extents, realSize } = this.#sparseInProgress();
    this.#deliverSparse(header, extents, realSize, this.#storedSize(header));
  }

  #beginPaxSparse(block: Buffer, { extents, realSize }: PaxSparse): void {
    if (extents === undefined) {
      this.#sparse = { header: Buffer.from(block), extents: [], map: this.#newMap(), realSize };
      this.#expect("sparseMap", BLOCK);
      return;
    }
    this.#budget.sparseExtents(extents.length);
    this.#deliverSparse(block, extents, realSize, this.#storedSize(block));
  }

  #readSparseMap(block: Buffer): void {
    const { header, map, realSize } = this.#sparseInProgress();
    const isWhole = map.push(block);
    const storedSize = this.#storedSize(header) - map.blocks * BLOCK;
    if (storedSize < 0) throw invalidTar("a sparse map is longer than its file");
    if (isWhole) this.#deliverSparse(header, map.extents, realSize, storedSize);
  }

  #newMap(): SparseMapReader {
    return new SparseMapReader((count) => this.#budget.sparseExtents(count));
  }

  #sparseInProgress(): SparseInProgress {
    if (this.#sparse === undefined) throw new Error("no sparse file is being read");
    return this.#sparse;
  }

  #deliverSparse(
    header: Buffer,
    extents: readonly SparseExtent[],
    realSize: number | undefined,
    storedSize: number,
  ): void {
    const size = realSize ?? storedSize;
    this.#sparse = undefined;
    this.#deliver(header, storedSize, { size, extents: checkExtents(extents, size, storedSize) });
  }

  #deliver(
    block: Buffer,
    storedSize: number,
    sparse: { readonly size: number; readonly extents: readonly SparseExtent[] } | undefined,
  ): void {
    const entry = buildEntry(block, this.#overrides, { dataOffset: this.#position, storedSize, sparse });
    this.#overrides = NO_OVERRIDES;
    this.#expect("header", BLOCK);
    const stored = entry?.storedSize ?? storedSize;
    this.#stepOver(stored, paddingAfter(stored));
    if (entry === undefined) return;
    this.#budget.entry(entry);
    this.#ready = entry;
  }
}

function isPlainFile(flag: string): boolean {
  return flag === "0" || flag === "\0" || flag === "7";
}

function textOf(bytes: Buffer): string {
  const nul = bytes.indexOf(0);
  return bytes.toString("latin1", 0, nul < 0 ? bytes.length : nul);
}
