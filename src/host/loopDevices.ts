import { closeSync, existsSync, openSync } from "node:fs";
import { constants } from "node:os";
import { LOOP, MS } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { mount } from "./mounts.ts";
import { makeNode } from "./specialFiles.ts";
import { fromNodeError, syscallError } from "./syscallError.ts";

const ioctlNumber = nativeFunction<[fd: number, request: number, argument: number]>(
  "int ioctl(int, uint64_t, uint64_t)",
);
const ioctlBuffer = nativeFunction<[fd: number, request: number, argument: Buffer]>("int ioctl(int, uint64_t, void*)");

/** A loop device over a file; it clears itself when the handle is closed and nothing has it mounted. */
export interface LoopDevice extends Disposable {
  /** `/dev/loop3` */
  readonly device: string;
}

/** GET_FREE and CONFIGURE are two steps: another process may take the device in between. */
const ATTEMPTS = 64;
const SECTOR_BYTES = 512;
const BLOCK_DEVICE_MODE = 0o060660;

function open(path: string, flags: string): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw fromNodeError(error);
  }
}

function freeDevice(): string {
  const control = open("/dev/loop-control", "r+");
  try {
    const index = ioctlNumber.call(control, LOOP.CTL_GET_FREE, 0);
    if (index < 0) throw syscallError({ syscall: "ioctl", path: "/dev/loop-control", errno: lastErrno() });
    const device = `/dev/loop${index}`;
    // Containers and machines without udev have nodes for a few devices only.
    if (!existsSync(device)) makeNode(device, { mode: BLOCK_DEVICE_MODE, major: LOOP.MAJOR, minor: index });
    return device;
  } finally {
    closeSync(control);
  }
}

/** The device's fd, or undefined when another process was faster. */
function configure(device: string, fileFd: number): number | undefined {
  const fd = open(device, "r");
  const config = Buffer.alloc(LOOP.CONFIG_BYTES);
  config.writeUInt32LE(fileFd, LOOP.CONFIG_FD);
  config.writeUInt32LE(SECTOR_BYTES, LOOP.CONFIG_BLOCK_SIZE);
  config.writeUInt32LE(LOOP.FLAG_READ_ONLY | LOOP.FLAG_AUTOCLEAR, LOOP.CONFIG_FLAGS);
  if (ioctlBuffer.call(fd, LOOP.CONFIGURE, config) === 0) return fd;
  const errno = lastErrno();
  closeSync(fd);
  if (errno === constants.errno.EBUSY) return undefined;
  throw syscallError({ syscall: "ioctl LOOP_CONFIGURE", path: device, errno });
}

/** Attaches `file` read-only to a free loop device of 512-byte sectors. @throws {conflict} when no device could be had. */
export function attachLoop(file: string): LoopDevice {
  const fileFd = open(file, "r");
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const device = freeDevice();
      const fd = configure(device, fileFd);
      if (fd !== undefined) return { device, [Symbol.dispose]: () => closeSync(fd) };
    }
    throw syscallError({ syscall: "ioctl LOOP_CONFIGURE", path: file, errno: constants.errno.EBUSY });
  } finally {
    closeSync(fileFd);
  }
}

/** Mounts an EROFS image read-only over a loop device, which goes away with the mount. */
export async function mountErofsLoop(what: { readonly source: string; readonly target: string }): Promise<void> {
  using loop = attachLoop(what.source);
  mount({ source: loop.device, target: what.target, type: "erofs", flags: MS.RDONLY | MS.NOSUID | MS.NODEV });
}
