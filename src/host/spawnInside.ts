import { closeSync, readFileSync, writeSync } from "node:fs";
import { SYS } from "./constants.ts";
import { insideProgram } from "./insideProgram.ts";
import type { InsideCall } from "./insideProgram.ts";
import { nativeFunction } from "./libc.ts";
import { disownChild, holdOrphans, ownChild } from "./orphans.ts";
import { openPipe, pipeStream } from "./pipes.ts";
import { processStartTime, reapProcess, waitForProcess } from "./processes.ts";
import { startQuick } from "./quickSpawn.ts";
import { checked } from "./syscallError.ts";
import { parseFailure, REPORT_BYTES } from "./syscallProgram.ts";

/** A program that runs. */
export interface InsideChild {
  /** In our pid namespace. */
  readonly pid: number;
  /** Resolves with its exit status, as a shell counts it. Holds nothing alive. */
  readonly ended: Promise<number>;
}

const pidfdOpen = nativeFunction<[number, number, number]>("int64_t syscall(int64_t, int, uint32_t)");

/** An fd of just that process. @throws {not_found} when it has ended */
function openTarget({ pid, startTime }: InsideCall["target"]): number {
  const fd = checked("pidfd_open", String(pid), pidfdOpen.call(SYS.pidfd_open, pid, 0));
  if (processStartTime(pid) === startTime) return fd;
  closeSync(fd);
  throw new Error(`process ${pid} is another one by now`);
}

/** A process that waits at its last step before it becomes visible, and then the program. */
export interface PreparedInside extends Disposable {
  /**
   * Lets it go on: once. Undefined when a step on the way failed, whatever it was: then nothing of the program has run, and
   * a runtime can be asked, which also has words for it.
   */
  start(): Promise<InsideChild | undefined>;
  /** Ends it, unless it was started. */
  [Symbol.dispose](): void;
}

/**
 * Prepares a program in the namespaces and the cgroup of another process; to start it takes 1 ms, where a container runtime
 * takes 7. Undefined when that cannot be done.
 *
 * What is between is no copy of this process, and holds no file of the host's once the container can see it: neither
 * /proc/<pid>/{exe,mem,fd,cwd} nor ptrace lead anywhere (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626). What waits is out
 * of the container's sight, and ends with this process.
 */
export function prepareInside(call: InsideCall): PreparedInside | undefined {
  const launched = launch(call);
  if (launched === undefined) return undefined;
  const { launcher, report, go } = launched;
  ownChild(launcher);
  let isOver = false;
  const release = (): void => {
    isOver = true;
    closeSync(go);
  };
  return {
    start: async () => {
      if (isOver) throw new Error("what was prepared starts once");
      using _ = holdOrphans();
      letGo(go);
      release();
      const child = await started(report, call.cgroup);
      void (child?.ended ?? Promise.resolve()).then(() => leave(launcher));
      return child;
    },
    [Symbol.dispose]: () => {
      if (isOver) return;
      release();
      closeSync(report);
      leave(launcher);
    },
  };
}

function letGo(fd: number): void {
  try {
    writeSync(fd, "!");
  } catch {
    // It has failed before: its report says so.
  }
}

/** The first process ends by itself, early or late. */
function leave(launcher: number): void {
  reapProcess(launcher);
  disownChild(launcher);
}

async function started(report: number, cgroup: string): Promise<InsideChild | undefined> {
  const { pid, failed } = parseReports(await readAll(report));
  if (pid === undefined) return undefined;
  const early = reapProcess(pid);
  if (early === undefined && !isOurs(pid, cgroup)) return undefined;
  const ended = early === undefined ? untilEnd(pid) : Promise.resolve(early);
  return failed ? undefined : { pid, ended };
}

/** The process that makes the first calls, the fd that its reports are read from, and the one that lets it go on. */
interface Launched {
  readonly launcher: number;
  readonly report: number;
  readonly go: number;
}

function launch(call: InsideCall): Launched | undefined {
  const ours: number[] = [];
  const kept: number[] = [];
  try {
    const program = insideProgram(call).open();
    ours.push(program);
    const target = openTarget(call.target);
    ours.push(target);
    const [report, go] = [openPipe(), openPipe()];
    ours.push(report.writeEnd, go.readEnd);
    kept.push(report.readEnd, go.writeEnd);
    const fds = [...call.fds, target, report.writeEnd, go.readEnd];
    const launcher = startQuick({ file: `/proc/self/fd/${program}`, args: [], env: {}, fds });
    return { launcher, report: report.readEnd, go: go.writeEnd };
  } catch {
    for (const fd of kept) closeSync(fd);
    return undefined; // the caller's other way says why
  } finally {
    for (const fd of ours) closeSync(fd);
  }
}

async function readAll(fd: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of pipeStream(fd, "readable")) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The program's pid as far as it came to that, and whether anything failed. */
function parseReports(bytes: Buffer): { readonly pid: number | undefined; readonly failed: boolean } {
  let pid: number | undefined;
  let failed = false;
  for (let at = 0; at + REPORT_BYTES <= bytes.byteLength; at += REPORT_BYTES) {
    const report = bytes.subarray(at, at + REPORT_BYTES);
    if (parseFailure(report) === undefined) pid ??= report.readUInt32LE(8);
    else failed = true;
  }
  return { pid, failed };
}

/** False for another container's process, say: who may ptrace the program before it starts could write a report, too. */
function isOurs(pid: number, cgroup: string): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/cgroup`, "latin1");
    // One that has just ended is in no cgroup: there is nothing to take of it but its end.
    return text.includes(`:${cgroup}\n`) || processStartTime(pid) === undefined;
  } catch {
    return false; // no such process
  }
}

async function untilEnd(pid: number): Promise<number> {
  ownChild(pid);
  try {
    await waitForProcess(pid);
    return reapProcess(pid) ?? 0;
  } finally {
    disownChild(pid);
  }
}
