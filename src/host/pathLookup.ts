import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { cPath, pathText } from "./cPath.ts";
import type { Path } from "./cPath.ts";
import { AT, O_CLOEXEC, O_PATH, OPEN_HOW_BYTES, RENAME_NOREPLACE, RESOLVE, SYS } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { checked, fromNodeError, syscallError } from "./syscallError.ts";

const openat2 = nativeFunction<[number, number, Buffer, Buffer, number]>(
  "int64_t syscall(int64_t, int, const void*, void*, uint64_t)",
);
const renameat2 = nativeFunction<[number, Buffer, number, Buffer, number]>(
  "int renameat2(int, const void*, int, const void*, uint32_t)",
);

/** The kernel gives up with EAGAIN when a directory on the way is being renamed. */
const ATTEMPTS = 16;

/**
 * Opens `path` as a process that is chrooted to `root` would: absolute symlinks and `..` stay inside. Returns an fd that
 * the caller closes. `flags` as open(2) (`constants.O_RDONLY` …), O_CLOEXEC added; `mode` only with O_CREAT.
 */
export function openInRoot(root: string, path: Path, flags: number, mode = 0): number {
  return openResolved(root, path, { flags, mode, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS });
}

/**
 * Opens a relative `path` below `root` for use as a place (O_PATH: neither read nor written, of any type). Symlinks are
 * followed as long as they stay below `root`. Returns an fd that the caller closes; `/proc/self/fd/N` names just what was
 * found, whatever is renamed meanwhile.
 * @throws {internal} errno EXDEV when the path leads out of `root`, {not_found} when there is nothing
 */
export function openBeneath(root: string, path: Path): number {
  return openResolved(root, path, { flags: O_PATH, mode: 0, resolve: RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS });
}

interface Resolution {
  readonly flags: number;
  readonly mode: number;
  readonly resolve: number;
}

function openResolved(root: string, path: Path, { flags, mode, resolve }: Resolution): number {
  let rootFd: number;
  try {
    rootFd = openSync(root, O_PATH);
  } catch (error) {
    throw fromNodeError(error);
  }
  try {
    const how = Buffer.alloc(OPEN_HOW_BYTES);
    how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
    how.writeBigUInt64LE(BigInt(mode), 8);
    how.writeBigUInt64LE(BigInt(resolve), 16);
    for (let attempt = 1; ; attempt += 1) {
      const fd = openat2.call(SYS.openat2, rootFd, cPath(path), how, OPEN_HOW_BYTES);
      if (fd >= 0) return fd;
      const errno = lastErrno();
      if (errno !== constants.errno.EAGAIN || attempt === ATTEMPTS) {
        throw syscallError({ syscall: "openat2", path: pathText(path), errno });
      }
    }
  } finally {
    closeSync(rootFd);
  }
}

/** Renames only if nothing has the new name. @throws {already_exists} */
export function renameNoReplace(from: Path, to: Path): void {
  checked("renameat2", pathText(to), renameat2.call(AT.FDCWD, cPath(from), AT.FDCWD, cPath(to), RENAME_NOREPLACE));
}
