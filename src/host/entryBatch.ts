import { constants } from "node:os";
import { CallList } from "./callList.ts";
import { AT } from "./constants.ts";
import { BASIC_STATS, OPEN_FLAGS, STATX_BYTES, parseStat } from "./directoryEntries.ts";
import type { EntryStat } from "./directoryEntries.ts";
import { addressOf, addressOfSymbol } from "./libc.ts";
import { syscallError } from "./syscallError.ts";

/** include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls/syscall_64.tbl. */
const SYS =
  process.arch === "arm64"
    ? { openat: 56, close: 57, read: 63, statx: 291, flistxattr: 13 }
    : { openat: 257, close: 3, read: 0, statx: 332, flistxattr: 196 };
/** Entries for one call: their buffers stay in the processor's cache. */
const BATCH = 256;
/** NAME_MAX and its NUL. */
const NAME_BYTES = 256;
const STATX_WORDS = STATX_BYTES / 4;
const SHA256_BYTES = 32;

/** Names as C strings, a place each. */
class Names {
  readonly #bytes: Buffer = Buffer.alloc(BATCH * NAME_BYTES);
  readonly #address: number = addressOf(this.#bytes);

  addressAt(at: number): number {
    return this.#address + at * NAME_BYTES;
  }

  set(at: number, name: string): void {
    if (name.length >= NAME_BYTES)
      throw syscallError({ syscall: "path", path: name, errno: constants.errno.ENAMETOOLONG });
    const start = at * NAME_BYTES;
    this.#bytes.write(name, start, "latin1");
    this.#bytes[start + name.length] = 0;
  }
}

/** Results of statx, a place each. */
class Stats {
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(BATCH * STATX_WORDS);
  readonly #address: number = addressOf(new Uint8Array(this.#words.buffer));

  addressAt(at: number): number {
    return this.#address + at * STATX_BYTES;
  }

  get(at: number): EntryStat {
    return parseStat(this.#words, at * STATX_WORDS);
  }
}

interface Statter {
  readonly names: Names;
  readonly stats: Stats;
  readonly list: CallList;
}

let statter: Statter | undefined;

function makeStatter(): Statter {
  const list = new CallList(BATCH, [{ target: SYS.statx, args: [0, 0, AT.SYMLINK_NOFOLLOW, BASIC_STATS, 0] }]);
  const [names, stats] = [new Names(), new Stats()];
  for (let at = 0; at < BATCH; at += 1) {
    list.set(at, 0, 1, names.addressAt(at));
    list.set(at, 0, 4, stats.addressAt(at));
  }
  return { names, stats, list };
}

/** As `statEntry`, of many names (none of them "") of one directory; undefined where there is nothing. */
export function statEntries(directory: number, wanted: readonly string[]): readonly (EntryStat | undefined)[] {
  statter ??= makeStatter();
  const { names, stats, list } = statter;
  const found: (EntryStat | undefined)[] = [];
  for (let from = 0; from < wanted.length; from += BATCH) {
    const count = Math.min(BATCH, wanted.length - from);
    for (let at = 0; at < count; at += 1) {
      names.set(at, wanted[from + at] ?? "");
      list.set(at, 0, 0, directory);
    }
    list.run(count);
    for (let at = 0; at < count; at += 1) {
      const result = list.result(at, 0);
      if (result < 0 && result !== -constants.errno.ENOENT) {
        const path = Buffer.from(wanted[from + at] ?? "", "latin1").toString("utf8");
        throw syscallError({ syscall: "lstat", path, errno: -result });
      }
      found.push(result < 0 ? undefined : stats.get(at));
    }
  }
  return found;
}

/** A small regular file that is to be read whole. */
export interface EntryToRead {
  /** An open directory, and a name (latin1) in it. */
  readonly directory: number;
  readonly name: string;
  readonly size: number;
}

/** What was read of a file. */
export interface ReadEntry {
  /** sha256 of the bytes, hex. */
  readonly digest: string;
  readonly hasXattrs: boolean;
  /** Of what was opened, after its bytes were read. */
  readonly stat: EntryStat;
}

const OPEN = 0;
const READ = 1;
const STAT = 2;
const LIST = 3;
const HASH = 5;

/** Reads many small files with their digests by one call, on libuv's pool; one batch at a time. */
export class EntryReader {
  /** Files of one batch. */
  static readonly capacity: number = BATCH;
  readonly #names = new Names();
  readonly #stats = new Stats();
  readonly #sums = Buffer.alloc(BATCH * SHA256_BYTES);
  readonly #noName = Buffer.alloc(8);
  readonly #list: CallList;

  constructor() {
    const noName = addressOf(this.#noName);
    const sums = addressOf(this.#sums);
    this.#list = new CallList(BATCH, [
      { target: SYS.openat, args: [0, 0, OPEN_FLAGS], saves: true, skips: HASH },
      { target: SYS.read, args: [0, 0, 0], usesSaved: true },
      { target: SYS.statx, args: [0, noName, AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH, BASIC_STATS, 0], usesSaved: true },
      { target: SYS.flistxattr, args: [0, 0, 0], usesSaved: true },
      { target: SYS.close, args: [0], usesSaved: true },
      { target: addressOfSymbol("SHA256"), args: [0, 0, 0] },
    ]);
    for (let at = 0; at < BATCH; at += 1) {
      this.#list.set(at, OPEN, 1, this.#names.addressAt(at));
      this.#list.set(at, STAT, 4, this.#stats.addressAt(at));
      this.#list.set(at, HASH, 2, sums + at * SHA256_BYTES);
    }
  }

  /**
   * The files' bytes, one file's after another's, go to the start of `target`, whose room is enough. Undefined for a file
   * that could not be opened or has fewer bytes than it should have: its place holds anything.
   */
  async read(files: readonly EntryToRead[], target: Uint8Array): Promise<readonly (ReadEntry | undefined)[]> {
    const list = this.#list;
    let place = addressOf(target);
    for (const [at, { directory, name, size }] of files.entries()) {
      this.#names.set(at, name);
      list.set(at, OPEN, 0, directory);
      list.set(at, READ, 1, place);
      list.set(at, READ, 2, size);
      list.set(at, HASH, 0, place);
      list.set(at, HASH, 1, size);
      place += size;
    }
    await list.runAsync(files.length);
    return files.map(({ size }, at) => this.#result(at, size));
  }

  #result(at: number, size: number): ReadEntry | undefined {
    const list = this.#list;
    if (list.result(at, OPEN) < 0 || list.result(at, READ) !== size || list.result(at, STAT) < 0) return undefined;
    const start = at * SHA256_BYTES;
    return {
      digest: this.#sums.toString("hex", start, start + SHA256_BYTES),
      hasXattrs: list.result(at, LIST) > 0,
      stat: this.#stats.get(at),
    };
  }
}
