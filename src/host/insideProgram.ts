import { constants, existsSync, readFileSync } from "node:fs";
import { cgroupDoors } from "./cgroups.ts";
import type { CgroupDoors } from "./cgroups.ts";
import { AT, INSIDE, O_CLOEXEC, O_PATH, TERMINAL } from "./constants.ts";
import { REPORT_BYTES, REPORT_FD, SyscallProgram } from "./syscallProgram.ts";

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
  /** AppArmor profile; absent: the daemon's own. */
  readonly appArmor?: string;
  /** struct sock_filter[]; absent: none. */
  readonly seccomp?: Buffer;
  readonly limits: readonly { readonly resource: number; readonly soft: number; readonly hard: number }[];
  readonly oomScoreAdj: number;
  /** Of the session keyring. */
  readonly keyring: string;
  /** Ours, for its standard streams. The caller closes them. */
  readonly fds: readonly [number | "ignore", number | "ignore", number | "ignore"];
  /** The streams are one terminal, which it gets for its own. */
  readonly terminal?: boolean;
}

/** By fd, in the program that is started. */
const TARGET_FD = 3;
const GO_FD = 5;
const FREE_FD = 6;

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

/** For the program alone, which starts by the next successful execve of any process born of this one. */
function confine(program: SyscallProgram, profile: string | undefined): void {
  if (profile === undefined) return;
  // The second before Linux 5.8; with another security module it may be that one's file.
  const file = ["/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"].find((path) => existsSync(path));
  const text = `exec ${profile}`;
  program.call("openat", [AT.FDCWD, program.text(file ?? "/"), constants.O_WRONLY | O_CLOEXEC]);
  program.call("write", [FREE_FD, program.text(text), Buffer.byteLength(text)]);
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

/** They belong to the program's user; a terminal keeps its group, which is `tty`. */
function giveStreams(program: SyscallProgram, { fds, user, terminal }: InsideCall): void {
  if (terminal === true) {
    program.call("fchown", [0, user.uid, -1]);
    return;
  }
  for (const [fd, source] of fds.entries()) {
    if (source !== "ignore") program.call("fchown", [fd, user.uid, user.gid]);
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

/** All that does not depend on the program, and is done ahead. */
function beginningFor(call: InsideCall): SyscallProgram {
  const program = new SyscallProgram();
  program.call("prctl", [INSIDE.PR_SET_DUMPABLE, 0]);
  program.call("close_range", [FREE_FD, INSIDE.ANY_FD, 0]);
  // The report ends with the program's start.
  program.call("fcntl", [REPORT_FD, INSIDE.F_SETFD, INSIDE.FD_CLOEXEC]);
  // Not the daemon's own: what it holds is nobody's business.
  program.call("keyctl", [INSIDE.KEYCTL_JOIN_SESSION_KEYRING, program.text(call.keyring)], { optional: true });
  setOomScore(program, call.oomScoreAdj);
  confine(program, call.appArmor);
  joinCgroup(program, cgroupDoors(call.cgroup));
  program.call("setns", [TARGET_FD, INSIDE.NAMESPACES]);
  program.call("close", [TARGET_FD]);
  program.call("chdir", [program.text(call.cwd)]);
  giveStreams(program, call);
  limitResources(program, call.limits);
  program.call("umask", [0o022]);
  dropPrivileges(program, call);
  program.call("prctl", [INSIDE.PR_SET_DUMPABLE, 0]); // a change of ids sets it as the host has it
  program.waitFor(GO_FD);
  program.call("close", [GO_FD]);
  return program;
}

/** Programs of one container by one user begin alike, and a hundred steps take longer to write than to make. */
const beginnings = new Map<string, { readonly seccomp: Buffer | undefined; readonly program: SyscallProgram }>();
const MAX_BEGINNINGS = 32;

function knownBeginning(call: InsideCall): SyscallProgram {
  const { target: _target, files: _files, args: _args, env: _env, seccomp, fds, capabilities, ...rest } = call;
  const streams = fds.map((fd) => fd === "ignore");
  const key = JSON.stringify([rest, streams, Object.values(capabilities).map(String)]);
  const known = beginnings.get(key);
  if (known !== undefined && known.seccomp === seccomp) return known.program;
  const program = beginningFor(call);
  beginnings.delete(key);
  beginnings.set(key, { seccomp, program });
  for (const oldest of beginnings.keys()) {
    if (beginnings.size <= MAX_BEGINNINGS) break;
    beginnings.delete(oldest);
  }
  return program;
}

/**
 * What is done between fork and exec, in order. Whatever fails there ends it: nothing of the program has run then. All but
 * the last is done ahead; then it waits for a byte from `GO_FD`.
 */
export function insideProgram(call: InsideCall): SyscallProgram {
  const program = new SyscallProgram(knownBeginning(call));
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
  if (call.terminal === true) program.call("ioctl", [0, TERMINAL.TIOCSCTTY, 0]);
  execute(program, call);
  return program;
}
