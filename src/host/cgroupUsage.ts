import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readKernelText } from "./kernelText.ts";

const ROOT = "/sys/fs/cgroup";
/** USER_HZ is 100 on every architecture that Node runs on: /proc and cpuacct.stat count in ticks of 10 ms. */
const NANOS_PER_TICK = 1e7;

/** What one cgroup has used. Times in nanoseconds, sizes in bytes; absent where the host's cgroup version does not tell. */
export interface CgroupUsage {
  readonly version: 1 | 2;
  readonly cpu: {
    readonly total: number;
    readonly perCpu?: readonly number[];
    readonly kernel: number;
    readonly user: number;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledTime: number;
  };
  readonly memory: {
    readonly usage: number;
    readonly maxUsage?: number;
    readonly failures: number;
    /** Infinity when there is none. */
    readonly limit: number;
    /** memory.stat, by the kernel's names. */
    readonly stats: ReadonlyMap<string, number>;
  };
  readonly pids: { readonly current: number; readonly limit?: number };
  readonly io: { readonly bytes: readonly IoUse[]; readonly operations: readonly IoUse[] };
}

/** A device's share of a cgroup's input and output. */
export interface IoUse {
  readonly major: number;
  readonly minor: number;
  /** `Read`, `Write`, `Sync`, `Async`, `Discard`, `Total` on v1; `read`, `write` on v2. */
  readonly op: string;
  readonly value: number;
}

type Read = (controller: string, file: string) => string;

const number = (text: string): number => {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
};

/** `name value` lines. */
export function parsePairs(text: string): ReadonlyMap<string, number> {
  const pairs = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) pairs.set(line.slice(0, space), number(line.slice(space + 1)));
  }
  return pairs;
}

/** `254:0 Read 0` lines of v1; the sum over devices, which has no device, is left out. */
export function parseBlkio(text: string): readonly IoUse[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major = "", minor = "", op = "", value = ""]) => ({
    major: Number(major),
    minor: Number(minor),
    op,
    value: Number(value),
  }));
}

/** `254:0 rbytes=0 wbytes=4096 rios=0 wios=1 …` lines of v2, two of its keys as reads and writes. */
export function parseIoStat(text: string, readKey: string, writeKey: string): readonly IoUse[] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, rest = ""] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    // A device that was never used has a line, but no numbers.
    if (major === undefined || minor === undefined || rest.trim() === "") return [];
    const keys = parsePairs(rest.replaceAll(" ", "\n").replaceAll("=", " "));
    const device = { major: Number(major), minor: Number(minor) };
    return [
      { ...device, op: "read", value: keys.get(readKey) ?? 0 },
      { ...device, op: "write", value: keys.get(writeKey) ?? 0 },
    ];
  });
}

/** v1 says "no limit" with the largest page count that it can. */
const UNLIMITED_V1 = 2 ** 62;

function limitOf(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === "max") return Number.POSITIVE_INFINITY;
  const limit = number(trimmed);
  return limit >= UNLIMITED_V1 ? Number.POSITIVE_INFINITY : limit;
}

function pidsOf(read: Read): CgroupUsage["pids"] {
  const limit = limitOf(read("pids", "pids.max"));
  return { current: number(read("pids", "pids.current")), ...(Number.isFinite(limit) ? { limit } : {}) };
}

function readV1(read: Read): CgroupUsage {
  const times = parsePairs(read("cpuacct", "cpuacct.stat"));
  const throttling = parsePairs(read("cpu", "cpu.stat"));
  return {
    version: 1,
    cpu: {
      total: number(read("cpuacct", "cpuacct.usage")),
      perCpu: read("cpuacct", "cpuacct.usage_percpu").trim().split(/\s+/).filter(Boolean).map(Number),
      kernel: (times.get("system") ?? 0) * NANOS_PER_TICK,
      user: (times.get("user") ?? 0) * NANOS_PER_TICK,
      periods: throttling.get("nr_periods") ?? 0,
      throttledPeriods: throttling.get("nr_throttled") ?? 0,
      throttledTime: throttling.get("throttled_time") ?? 0,
    },
    memory: {
      usage: number(read("memory", "memory.usage_in_bytes")),
      maxUsage: number(read("memory", "memory.max_usage_in_bytes")),
      failures: number(read("memory", "memory.failcnt")),
      limit: limitOf(read("memory", "memory.limit_in_bytes")),
      stats: parsePairs(read("memory", "memory.stat")),
    },
    pids: pidsOf(read),
    io: {
      bytes: parseBlkio(read("blkio", "blkio.throttle.io_service_bytes_recursive")),
      operations: parseBlkio(read("blkio", "blkio.throttle.io_serviced_recursive")),
    },
  };
}

function readV2(read: Read): CgroupUsage {
  const cpu = parsePairs(read("", "cpu.stat"));
  const io = read("", "io.stat");
  return {
    version: 2,
    cpu: {
      total: (cpu.get("usage_usec") ?? 0) * 1000,
      kernel: (cpu.get("system_usec") ?? 0) * 1000,
      user: (cpu.get("user_usec") ?? 0) * 1000,
      periods: cpu.get("nr_periods") ?? 0,
      throttledPeriods: cpu.get("nr_throttled") ?? 0,
      throttledTime: (cpu.get("throttled_usec") ?? 0) * 1000,
    },
    memory: {
      usage: number(read("", "memory.current")),
      failures: parsePairs(read("", "memory.events")).get("oom") ?? 0,
      limit: limitOf(read("", "memory.max")),
      stats: parsePairs(read("", "memory.stat")),
    },
    pids: pidsOf((_controller, file) => read("", file)),
    io: { bytes: parseIoStat(io, "rbytes", "wbytes"), operations: parseIoStat(io, "rios", "wios") },
  };
}

const isUnified = (root: string): boolean => existsSync(join(root, "cgroup.controllers"));

/**
 * What a cgroup (`/varve/<id>`) has used; undefined when there is none. Reads some ten files of the kernel's memory, which
 * take 0.1 ms together: cheaper than a thread's way there and back. A file that the host lacks counts as zero.
 * @see Linux, Documentation/admin-guide/cgroup-v1, cgroup-v2.rst
 */
export function readCgroupUsage(path: string, root: string = ROOT): CgroupUsage | undefined {
  const read: Read = (controller, file) => {
    try {
      return readKernelText(join(root, controller, path, file));
    } catch {
      return ""; // a controller that this host has not, or the cgroup went meanwhile
    }
  };
  if (isUnified(root)) return existsSync(join(root, path)) ? readV2(read) : undefined;
  // Kernels of late have v1 without its memory controller: Debian 13's, for one.
  const isThere = ["memory", "pids", "cpuacct"].some((controller) => existsSync(join(root, controller, path)));
  return isThere ? readV1(read) : undefined;
}

/** Every process of a cgroup and of those below it. */
export function listCgroupProcesses(path: string, root: string = ROOT): readonly number[] {
  const hierarchy = isUnified(root) ? "" : ["pids", "memory", "systemd"].find((name) => existsSync(join(root, name)));
  const pids: number[] = [];
  const walk = (folder: string): void => {
    try {
      const text = readFileSync(join(folder, "cgroup.procs"), "latin1");
      pids.push(...text.split("\n").filter(Boolean).map(Number));
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) walk(join(folder, entry.name));
    } catch {
      // It went meanwhile.
    }
  };
  walk(join(root, hierarchy ?? "", path));
  return pids;
}

/** All processors together since boot: nanoseconds of every kind of work and rest, and how many there are. */
export function parseProcStat(text: string): { readonly total: number; readonly processors: number } {
  const [, fields = ""] = /^cpu +(.*)$/m.exec(text) ?? [];
  const ticks = fields.split(" ").slice(0, 7).map(Number);
  return {
    total: ticks.reduce((sum, value) => sum + value, 0) * NANOS_PER_TICK,
    processors: [...text.matchAll(/^cpu\d/gm)].length,
  };
}

export function readProcessorTime(): { readonly total: number; readonly processors: number } {
  return parseProcStat(readKernelText("/proc/stat"));
}

/** Counters of one network interface. */
export interface InterfaceUse {
  readonly name: string;
  readonly received: InterfaceCounters;
  readonly sent: InterfaceCounters;
}

export interface InterfaceCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** `/proc/<pid>/net/dev`: eight columns received, eight sent. */
export function parseNetDev(text: string): readonly InterfaceUse[] {
  return text.split("\n").flatMap((line) => {
    const [, name, rest = ""] = /^\s*(\S+?):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const columns = rest.split(/\s+/).map(Number);
    const counters = (at: number): InterfaceCounters => ({
      bytes: columns[at] ?? 0,
      packets: columns[at + 1] ?? 0,
      errors: columns[at + 2] ?? 0,
      dropped: columns[at + 3] ?? 0,
    });
    return [{ name, received: counters(0), sent: counters(8) }];
  });
}

/** Interfaces of the network namespace that a process is in; empty when it is gone. */
export function readInterfaceUse(pid: number): readonly InterfaceUse[] {
  try {
    return parseNetDev(readKernelText(`/proc/${pid}/net/dev`));
  } catch {
    return [];
  }
}
