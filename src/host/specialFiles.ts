import { cPath, pathText } from "./cPath.ts";
import type { Path } from "./cPath.ts";
import { AT, SYS, TIMESPEC_BYTES, UTIME_OMIT } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

// By number: glibc has the symbol only since 2.33.
const mknodat = nativeFunction<[number, number, Buffer, number, bigint]>(
  "int64_t syscall(int64_t, int, const void*, uint32_t, uint64_t)",
);
const utimensat = nativeFunction<[number, Buffer, Buffer, number]>("int utimensat(int, const void*, void*, int)");

/** Kernel's 64-bit dev_t encoding, as glibc's makedev(3). */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

/**
 * Makes a device, fifo or socket node. `mode` is the whole st_mode (type and permissions; the umask applies); `major`
 * and `minor` are 0 for what is no device.
 */
export function makeNode(
  path: Path,
  node: { readonly mode: number; readonly major?: number; readonly minor?: number },
): void {
  const device = deviceNumber(node.major ?? 0, node.minor ?? 0);
  checked("mknod", pathText(path), mknodat.call(SYS.mknodat, AT.FDCWD, cPath(path), node.mode, device));
}

const NANOSECONDS = 1_000_000_000n;

function writeTime(target: Buffer, offset: number, nanoseconds: bigint | undefined): void {
  if (nanoseconds === undefined) {
    target.writeBigInt64LE(UTIME_OMIT, offset + 8);
    return;
  }
  const fraction = ((nanoseconds % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  target.writeBigInt64LE((nanoseconds - fraction) / NANOSECONDS, offset);
  target.writeBigInt64LE(fraction, offset + 8);
}

/** Sets times of the entry itself (a symlink is not followed), ns since 1970, before it negative; what is absent stays. */
export function setTimes(path: Path, times: { readonly accessed?: bigint; readonly modified?: bigint }): void {
  const specs = Buffer.alloc(2 * TIMESPEC_BYTES);
  writeTime(specs, 0, times.accessed);
  writeTime(specs, TIMESPEC_BYTES, times.modified);
  checked("utimensat", pathText(path), utimensat.call(AT.FDCWD, cPath(path), specs, AT.SYMLINK_NOFOLLOW));
}
