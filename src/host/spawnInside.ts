import { closeSync, constants, readFileSync } from "node:fs";
import { cgroupDoors } from "./cgroups.ts";
import type { CgroupDoors } from "./cgroups.ts";
import { AT, INSIDE, O_CLOEXEC, O_PATH, SYS } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { disownChild, holdOrphans, ownChild } from "./orphans.ts";
import { openPipe, pipeStream } from "./pipes.ts";
import type { PipeEnds } from "./pipes.ts";
import { processStartTime, reapProcess, waitForProcess } from "./processes.ts";
import { startQuick } from "./quickSpawn.ts";
import { checked } from "./syscallError.ts";
import { parseFailure, REPORT_BYTES, REPORT_FD, SyscallProgram } from "./syscallProgram.ts";

/** Sets of capabilities, bit by number. */
export interface CapabilitySets {
  readonly bounding: bigint;
  readonly effective: bigint;
  readonly permitted: bigint;
}

/** A program to start among another process's namespaces, with nothing of ours but three descriptors. */
export interface InsideCall {
  /** Whose mount, pid, network, IPC, UTS and cgroup namespaces; not its user namespace. */
  readonly target: { readonly pid: number; readonly startTime: number };
  /** `/varve/<id>`, the same in every hierarchy. */
  readonly cgroup: string;
  /** Tried in order, the first that exists is it; relative ones from `cwd`. At least one. */
  readonly files: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
  readonly capabilities: CapabilitySets;
  readonly noNewPrivileges: boolean;
  /** struct sock_filter[]; absent: none. */
  readonly seccomp?: Buffer;
  readonly limits: readonly { readonly resource: number; readonly soft: number; readonly hard: number }[];
  readonly oomScoreAdj: number;
  /** Of the session keyring. */
  readonly keyring: string;
  /** Ours, for its standard streams. The caller closes them. */
  readonly fds: readonly [number | "ignore", number, number];
}

/** A program that runs. */
export interface InsideChild {
  /** In our pid namespace. */
  readonly pid: number;
  /** Resolves with its exit status, as a shell counts it. Holds nothing alive. */
  readonly ended: Promise<number>;
}

const pidfdOpen = nativeFunction<[number, number, number]>("int64_t syscall(int64_t, int, uint32_t)");

/** By fd, in the program that is started. */
const TARGET_FD = 3;
const FREE_FD = 5;

/** Into the cgroup, before anything that a stranger could see: v2 by birth, v1 by writing to each hierarchy. */
function joinCgroup(program: SyscallProgram, { born, tasks }: CgroupDoors): void {
  if (born !== undefined) {
    program.call("openat", [AT.FDCWD, program.text(born), O_PATH | constants.O_DIRECTORY | O_CLOEXEC]);
    const args = Buffer.alloc(INSIDE.CLONE_ARGS_BYTES);
    args.writeBigUInt64LE(BigInt(INSIDE.CLONE_INTO_CGROUP + INSIDE.CLONE_PARENT), 0);
    args.writeBigUInt64LE(BigInt(FREE_FD), INSIDE.CLONE_ARGS_CGROUP);
    program.fork("clone3", [program.bytes(args), args.byteLength], [["exit_group", [0]]]);
    program.call("close", [FREE_FD]);
  }
  const self = program.text("0");
  for (const path of tasks) {
    program.call("openat", [AT.FDCWD, program.text(path), constants.O_WRONLY | O_CLOEXEC], { skipWhenMissing: 2 });
    program.call("write", [FREE_FD, self, 1]);
    program.call("close", [FREE_FD]);
  }
}

function setOomScore(program: SyscallProgram, score: number): void {
  const text = String(score);
  program.call("openat", [AT.FDCWD, program.text("/proc/self/oom_score_adj"), constants.O_WRONLY | O_CLOEXEC]);
  program.call("write", [FREE_FD, program.text(text), text.length]);
  program.call("close", [FREE_FD]);
}

function filter(program: SyscallProgram, bpf: Buffer | undefined): void {
  if (bpf === undefined) return;
  const fprog = Buffer.alloc(16);
  fprog.writeUInt16LE(bpf.byteLength / INSIDE.SOCK_FILTER_BYTES, 0);
  const place = program.struct(fprog, new Map([[8, program.bytes(bpf)]]));
  program.call("seccomp", [INSIDE.SECCOMP_SET_MODE_FILTER, INSIDE.SECCOMP_FILTER_FLAG_SPEC_ALLOW, place]);
}

function limitResources(program: SyscallProgram, limits: InsideCall["limits"]): void {
  for (const { resource, soft, hard } of limits) {
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(BigInt.asUintN(64, BigInt(soft)), 0);
    limit.writeBigUInt64LE(BigInt.asUintN(64, BigInt(hard)), 8);
    program.call("prlimit64", [0, resource, program.bytes(limit), 0]);
  }
}

let lastCapability: number | undefined;

function dropPrivileges(program: SyscallProgram, { user, capabilities, noNewPrivileges, seccomp }: InsideCall): void {
  lastCapability ??= Number(readFileSync("/proc/sys/kernel/cap_last_cap", "latin1"));
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which goes away below.
  if (!noNewPrivileges) filter(program, seccomp);
  const groups = Buffer.alloc(user.additionalGids.length * 4);
  for (const [index, gid] of user.additionalGids.entries()) groups.writeUInt32LE(gid, index * 4);
  program.call("setgroups", [user.additionalGids.length, program.bytes(groups)]);
  for (let number = 0; number <= lastCapability; number += 1) {
    if (((capabilities.bounding >> BigInt(number)) & 1n) === 0n)
      program.call("prctl", [INSIDE.PR_CAPBSET_DROP, number]);
  }
  program.call("prctl", [INSIDE.PR_SET_KEEPCAPS, 1]);
  program.call("setresgid", [user.gid, user.gid, user.gid]);
  program.call("setresuid", [user.uid, user.uid, user.uid]);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(INSIDE.CAPABILITY_VERSION_3, 0);
  const sets = Buffer.alloc(24);
  for (const half of [0, 1]) {
    const part = (set: bigint): number => Number((set >> BigInt(32 * half)) & 0xffffffffn);
    sets.writeUInt32LE(part(capabilities.effective), half * 12);
    sets.writeUInt32LE(part(capabilities.permitted), half * 12 + 4);
  }
  program.call("capset", [program.bytes(header), program.bytes(sets)]);
  program.call("prctl", [INSIDE.PR_CAP_AMBIENT, INSIDE.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0]);
  if (!noNewPrivileges) return;
  program.call("prctl", [INSIDE.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  filter(program, seccomp);
}

function execute(program: SyscallProgram, { files, args, env }: InsideCall): void {
  const argv = program.texts(args);
  const envp = program.texts(env);
  for (const [index, file] of files.entries()) {
    const path = program.text(file);
    // One that is there and does not run is the answer, whatever else may be found.
    if (index < files.length - 1) program.call("faccessat", [AT.FDCWD, path, 0], { skipWhenMissing: 1 });
    program.call("execve", [path, argv, envp]);
  }
}

/** What is done between fork and exec, in order. Whatever fails there ends it: nothing of the program has run then. */
function programFor(call: InsideCall): SyscallProgram {
  const program = new SyscallProgram();
  program.call("prctl", [INSIDE.PR_SET_DUMPABLE, 0]);
  program.call("close_range", [FREE_FD, INSIDE.ANY_FD, 0]);
  // The report ends with the program's start.
  program.call("fcntl", [REPORT_FD, INSIDE.F_SETFD, INSIDE.FD_CLOEXEC]);
  // Not the daemon's own: what it holds is nobody's business.
  program.call("keyctl", [INSIDE.KEYCTL_JOIN_SESSION_KEYRING, program.text(call.keyring)], { optional: true });
  setOomScore(program, call.oomScoreAdj);
  joinCgroup(program, cgroupDoors(call.cgroup));
  program.call("setns", [TARGET_FD, INSIDE.NAMESPACES]);
  program.call("close", [TARGET_FD]);
  program.call("chdir", [program.text(call.cwd)]);
  for (const [fd, source] of call.fds.entries()) {
    if (source !== "ignore") program.call("fchown", [fd, call.user.uid, call.user.gid]);
  }
  limitResources(program, call.limits);
  program.call("umask", [0o022]);
  dropPrivileges(program, call);
  program.call("prctl", [INSIDE.PR_SET_DUMPABLE, 0]); // a change of ids sets it as the host has it
  // A pid namespace holds those who are born in it. The process so far is not among them and out of their sight; the one
  // that they can see has never had more rights than theirs, nor a file of the host's.
  const report = program.bytes(Buffer.alloc(REPORT_BYTES));
  const flags = INSIDE.CLONE_PARENT | INSIDE.CLONE_PARENT_SETTID | INSIDE.SIGCHLD;
  program.fork(
    "clone",
    [flags, 0, { offset: report.offset + 8 }, 0, 0],
    [
      ["write", [REPORT_FD, report, REPORT_BYTES]],
      ["exit_group", [0]],
    ],
  );
  program.call("setsid", []);
  execute(program, call);
  return program;
}

/** An fd of just that process. @throws {not_found} when it has ended */
function openTarget({ pid, startTime }: InsideCall["target"]): number {
  const fd = checked("pidfd_open", String(pid), pidfdOpen.call(SYS.pidfd_open, pid, 0));
  if (processStartTime(pid) === startTime) return fd;
  closeSync(fd);
  throw new Error(`process ${pid} is another one by now`);
}

/**
 * Starts a program in the namespaces and the cgroup of another process, 1 ms where a container runtime takes 7. Undefined
 * when a step on the way failed, whatever it was: then nothing of the program has run, and a runtime can be asked, which
 * also has words for it.
 *
 * What is between is no copy of this process, and holds no file of the host's once the container can see it: neither
 * /proc/<pid>/{exe,mem,fd,cwd} nor ptrace lead anywhere (CVE-2016-9962, CVE-2019-5736, CVE-2024-21626).
 */
export async function spawnInside(call: InsideCall): Promise<InsideChild | undefined> {
  using _ = holdOrphans();
  const started = startProgram(call);
  if (started === undefined) return undefined;
  const { pid, failed } = parseReports(await readAll(started.report));
  if (pid === undefined) return undefined;
  const early = reapProcess(pid);
  if (early === undefined && !isOurs(pid, call.cgroup)) return undefined;
  const ended = early === undefined ? untilEnd(pid) : Promise.resolve(early);
  void ended.then(() => reapProcess(started.launcher));
  return failed ? undefined : { pid, ended };
}

/** The process that makes the first calls, and the fd that its reports are read from. */
interface Started {
  readonly launcher: number;
  readonly report: number;
}

function startProgram(call: InsideCall): Started | undefined {
  const ours: number[] = [];
  let report: PipeEnds | undefined;
  try {
    const program = programFor(call).open();
    ours.push(program);
    const target = openTarget(call.target);
    ours.push(target);
    report = openPipe();
    ours.push(report.writeEnd);
    const fds = [...call.fds, target, report.writeEnd];
    const launcher = startQuick({ file: `/proc/self/fd/${program}`, args: [], env: {}, fds });
    return { launcher, report: report.readEnd };
  } catch {
    if (report !== undefined) closeSync(report.readEnd);
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
