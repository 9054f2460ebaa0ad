import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { PR_SET_CHILD_SUBREAPER, SIGINFO, SYS, WAIT } from "./constants.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { openSocket } from "./nativeSocket.ts";
import { checked, syscallError } from "./syscallError.ts";

const prctl = nativeFunction<[number, number, number, number, number]>(
  "int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)",
);
const waitid = nativeFunction<[number, number, Buffer, number]>("int waitid(int, uint32_t, void*, int)");
const pidfdOpen = nativeFunction<[number, number, number]>("int64_t syscall(int64_t, int, uint32_t)");

/** Orphans below this process become its children; see `adoptOrphans`. */
export function becomeSubreaper(): void {
  checked("prctl", undefined, prctl.call(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

/** True for a process that has ended and that its parent has not asked about yet. */
export function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.startsWith("Z", stat.lastIndexOf(")") + 2);
  } catch {
    return false; // it is gone altogether
  }
}

/**
 * When a process began, in clock ticks since boot: with the pid it names one process for good, for pids are used again.
 * Undefined when there is no such process, or only its zombie.
 */
export function processStartTime(pid: number): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined; // ENOENT or ESRCH: it is gone
  }
  // The name in parentheses may hold anything: fields are counted behind its end (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const started = Number(fields[19]);
  return fields[0] === "Z" || fields[0] === "X" || Number.isNaN(started) ? undefined : started;
}

/**
 * Resolves when the process `pid` has ended (any process, not only a child), at once when there is none. Never keeps
 * this process alive. Aborting stops the watch and resolves too.
 */
export async function waitForProcess(pid: number, signal?: AbortSignal): Promise<void> {
  const fd = pidfdOpen.call(SYS.pidfd_open, pid, 0);
  if (fd < 0) {
    const errno = lastErrno();
    if (errno === constants.errno.ESRCH) return;
    throw syscallError({ syscall: "pidfd_open", path: String(pid), errno });
  }
  const watched = openSocket(fd);
  watched.unref();
  const { promise, resolve } = Promise.withResolvers<void>();
  // A pidfd becomes readable when its process ends; reading it then fails with EINVAL, which is the message.
  watched.once("error", () => resolve());
  watched.once("close", () => resolve());
  const stop = (): void => void watched.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  watched.resume();
  try {
    await promise;
  } finally {
    signal?.removeEventListener("abort", stop);
    watched.destroy();
  }
}

/**
 * Takes the exit of an adopted child (Node reaps its own): its status as a shell counts it, undefined while it runs, and
 * when it is no child of ours.
 */
export function reapProcess(pid: number): number | undefined {
  const info = Buffer.alloc(SIGINFO.BYTES);
  const result = waitid.call(WAIT.P_PID, pid, info, WAIT.WEXITED | WAIT.WNOHANG);
  if (result < 0 || info.readInt32LE(SIGINFO.PID) === 0) return undefined;
  const status = info.readInt32LE(SIGINFO.STATUS);
  return info.readInt32LE(SIGINFO.CODE) === SIGINFO.CLD_EXITED ? status : 128 + status;
}
