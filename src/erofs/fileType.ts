import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "./onDisk.ts";

/** What an inode is. Sockets are never in a tar, so an image that holds one is damaged. */
export type FileType = "file" | "directory" | "symlink" | "char" | "block" | "fifo";

interface TypeNumbers {
  readonly type: FileType;
  readonly mode: number;
  /** The kernel's FT_* value, kept beside each name of a directory. */
  readonly dirent: number;
}

const TYPES: readonly TypeNumbers[] = [
  { type: "file", mode: S_IFREG, dirent: 1 },
  { type: "directory", mode: S_IFDIR, dirent: 2 },
  { type: "char", mode: S_IFCHR, dirent: 3 },
  { type: "block", mode: S_IFBLK, dirent: 4 },
  { type: "fifo", mode: S_IFIFO, dirent: 5 },
  { type: "symlink", mode: S_IFLNK, dirent: 7 },
];

const BY_MODE: ReadonlyMap<number, TypeNumbers> = new Map(TYPES.map((row) => [row.mode, row]));
const BY_DIRENT: ReadonlyMap<number, FileType> = new Map(TYPES.map((row) => [row.dirent, row.type]));

/** The type bits of `st_mode` as a word; undefined for sockets and unknown bits. */
export function fileTypeOfMode(mode: number): FileType | undefined {
  return BY_MODE.get(mode & S_IFMT)?.type;
}

/** The type byte of a directory entry as a word; undefined if it is none of ours. */
export function fileTypeOfDirent(value: number): FileType | undefined {
  return BY_DIRENT.get(value);
}

/** The type byte that a directory entry holds for this `st_mode`; 0 (unknown) for modes that the writer never makes. */
export function direntTypeOfMode(mode: number): number {
  return BY_MODE.get(mode & S_IFMT)?.dirent ?? 0;
}

export const MAX_DEVICE_MAJOR = 0xfff;
export const MAX_DEVICE_MINOR = 0xf_ffff;

/** The kernel's 32-bit `new_encode_dev`: 12 bits of major, 20 of minor. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function decodeDevice(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
