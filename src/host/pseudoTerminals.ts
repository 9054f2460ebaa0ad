import { closeSync, constants, fstatSync, openSync, statfsSync } from "node:fs";
import type { Socket } from "node:net";
import { O_CLOEXEC, O_PATH, TERMINAL } from "./constants.ts";
import { openConfined } from "./fileDescriptors.ts";
import { nativeFunction } from "./libc.ts";
import { openSocket } from "./nativeSocket.ts";
import { processStartTime } from "./processes.ts";
import { checked, isErrno } from "./syscallError.ts";

const ioctlNumber = nativeFunction<[number, number, number]>("int ioctl(int, uint64_t, uint64_t)");
const ioctlBytes = nativeFunction<[number, number, Buffer]>("int ioctl(int, uint64_t, void*)");

/** Both ends of a terminal as fds; whoever made it closes them, unless a stream took one over. */
export interface TerminalEnds {
  readonly master: number;
  readonly slave: number;
}

/**
 * A new terminal among those of another process's root, where it is `/dev/pts/<n>`. Only what is a devpts in truth is
 * asked, for the container rules the path to it.
 * @throws when there is none, or the process is gone
 */
export function openTerminal(target: { readonly pid: number; readonly startTime: number }): TerminalEnds {
  const master = openMaster(target);
  try {
    checked("ioctl TIOCSPTLCK", undefined, ioctlBytes.call(master, TERMINAL.TIOCSPTLCK, Buffer.alloc(4)));
    // By the master and not by a path: nobody else's device can come between.
    const flags = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;
    const slave = checked("ioctl TIOCGPTPEER", undefined, ioctlNumber.call(master, TERMINAL.TIOCGPTPEER, flags));
    return { master, slave };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

function openMaster({ pid, startTime }: { readonly pid: number; readonly startTime: number }): number {
  const root = openSync(`/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  try {
    if (processStartTime(pid) !== startTime) throw new Error(`process ${pid} is another one by now`);
    const found = openConfined(root, "dev/pts/ptmx", O_PATH | constants.O_NOFOLLOW, "root");
    try {
      const path = `/proc/self/fd/${found}`;
      if (fstatSync(found).rdev !== TERMINAL.PTMX || statfsSync(path).type !== TERMINAL.DEVPTS_MAGIC)
        throw new Error("dev/pts/ptmx is no terminal multiplexer");
      return openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    } finally {
      closeSync(found);
    }
  } finally {
    closeSync(root);
  }
}

/** Says how large the window is; the programs in it are told. */
export function resizeTerminal(
  master: number,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): void {
  const size = Buffer.alloc(TERMINAL.WINSIZE_BYTES);
  size.writeUInt16LE(rows & 0xffff, 0);
  size.writeUInt16LE(columns & 0xffff, 2);
  checked("ioctl TIOCSWINSZ", undefined, ioctlBytes.call(master, TERMINAL.TIOCSWINSZ, size));
}

/**
 * A terminal's master as a stream, which closes it. It ends when no program has the terminal any more: the kernel says EIO
 * then, behind the last of the output, and Node would throw away with it what nobody has read yet.
 */
export function terminalStream(master: number): Socket {
  const stream = openSocket(master);
  const destroy = stream.destroy.bind(stream);
  let hasEnded = false;
  stream.destroy = (error) => {
    if (!isErrno(error, "EIO")) return destroy(error);
    if (!hasEnded) stream.push(null);
    hasEnded = true;
    return stream;
  };
  stream.once("end", () => destroy());
  return stream;
}
