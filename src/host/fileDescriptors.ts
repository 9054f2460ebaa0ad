import { cPath, pathText } from "./cPath.ts";
import type { Path } from "./cPath.ts";
import { constants } from "node:os";
import { OPEN_HOW_BYTES, O_CLOEXEC, RESOLVE, SYS, TIMESPEC_BYTES } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { checked, syscallError } from "./syscallError.ts";

const openat2 = nativeFunction<[number, number, Buffer, Buffer, number]>(
  "int64_t syscall(int64_t, int, const void*, void*, uint64_t)",
);
const fsetxattr = nativeFunction<[number, Buffer, Uint8Array, number, number]>(
  "int fsetxattr(int, const void*, const void*, uint64_t, int)",
);
const getxattr = nativeFunction<[Buffer, Buffer, Uint8Array, number]>(
  "int64_t getxattr(const void*, const void*, void*, uint64_t)",
);
const futimens = nativeFunction<[number, Buffer]>("int futimens(int, void*)");

/** The kernel gives up with EAGAIN when a directory on the way is being renamed. */
const ATTEMPTS = 64;
/** Attributes that are asked for by name are small: capabilities, overlayfs' marks. */
const SMALL_VALUE_BYTES = 256;
const SECOND = 1_000_000_000n;

/**
 * How far a path may lead from the directory that it starts at: `root`: as if that were "/", links and ".." stay inside;
 * `beneath`: no symlink at all, no "..", no other filesystem's magic.
 */
export type Confinement = "root" | "beneath";

/**
 * Opens a path from an open directory, which it cannot leave (openat2). The caller closes the fd. `flags` as open(2),
 * O_CLOEXEC added. @throws what errno says: ELOOP and EXDEV for what `beneath` forbids
 */
export function openConfined(directory: number, path: Path, flags: number, confinement: Confinement): number {
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  const resolve =
    confinement === "root"
      ? RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS
      : RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  for (let attempt = 1; ; attempt += 1) {
    const fd = openat2.call(SYS.openat2, directory, cPath(path), how, OPEN_HOW_BYTES);
    if (fd >= 0) return fd;
    const errno = lastErrno();
    if (errno !== constants.errno.EAGAIN || attempt === ATTEMPTS) {
      throw syscallError({ syscall: "openat2", path: pathText(path), errno });
    }
  }
}

/** Sets an attribute of an open file. */
export function setXattrOf(fd: number, name: string, value: Uint8Array): void {
  checked("fsetxattr", undefined, fsetxattr.call(fd, cPath(name), value, value.length, 0));
}

/** One small attribute (at most 256 bytes) of what a path leads to, symlinks followed; undefined when it has none. */
export function findXattr(path: Path, name: string): Buffer | undefined {
  const value = Buffer.alloc(SMALL_VALUE_BYTES);
  const length = getxattr.call(cPath(path), cPath(name), value, value.length);
  return length < 0 ? undefined : value.subarray(0, length);
}

/** Sets the modification time of an open file, ns since 1970, and the access time with it. */
export function setTimesOf(fd: number, nanoseconds: bigint): void {
  const specs = Buffer.alloc(2 * TIMESPEC_BYTES);
  const fraction = ((nanoseconds % SECOND) + SECOND) % SECOND;
  for (const offset of [0, TIMESPEC_BYTES]) {
    specs.writeBigInt64LE((nanoseconds - fraction) / SECOND, offset);
    specs.writeBigInt64LE(fraction, offset + 8);
  }
  checked("futimens", undefined, futimens.call(fd, specs));
}
