import { boolFlag, intFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { parseByteRate, parseOperationRate, parseUlimit, parseWeightDevice } from "./devices.ts";
import type { ThrottleDevice, Ulimit } from "./devices.ts";
import { parseUnsigned } from "./numbers.ts";
import { parseBytes, parseCpus } from "./sizes.ts";

/** Limits that `run`, `create` and `update` share. */
export type LimitFlags = Readonly<
  Record<
    | "blkio-weight"
    | "cpu-period"
    | "cpu-quota"
    | "cpu-rt-period"
    | "cpu-rt-runtime"
    | "cpu-shares"
    | "cpus"
    | "kernel-memory"
    | "memory"
    | "memory-reservation"
    | "memory-swap"
    | "pids-limit",
    Flag<number>
  > &
    Record<"cpuset-cpus" | "cpuset-mems", Flag<string>>
>;

/** `--memory`: bytes with a unit. */
export function bytesFlag(short: string | undefined, usage: string, hidden = false): Flag<number> {
  const extra = { ...(short === undefined ? {} : { short }), ...(hidden ? { hidden } : {}) };
  return valueFlag("bytes", usage, { ...extra, initial: 0, parse: parseBytes });
}

const parseSwap = (text: string): number => (text === "-1" ? -1 : parseBytes(text));

/** Flags of limits; `update` words two of them otherwise and hides one. */
export function limitFlags(words: {
  readonly realtime: string;
  readonly unlimitedSwap: string;
  readonly kernelHidden: boolean;
}): LimitFlags {
  return {
    "blkio-weight": valueFlag(
      "uint16",
      "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
      {
        initial: 0,
        parse: (text) => parseUnsigned(text, 16),
      },
    ),
    "cpu-period": intFlag(undefined, "Limit CPU CFS (Completely Fair Scheduler) period"),
    "cpu-quota": intFlag(undefined, "Limit CPU CFS (Completely Fair Scheduler) quota"),
    "cpu-rt-period": intFlag(undefined, `Limit ${words.realtime} period in microseconds`),
    "cpu-rt-runtime": intFlag(undefined, `Limit ${words.realtime} runtime in microseconds`),
    "cpu-shares": intFlag("c", "CPU shares (relative weight)"),
    cpus: valueFlag("decimal", "Number of CPUs", { initial: 0, parse: parseCpus }),
    "cpuset-cpus": stringFlag(undefined, "CPUs in which to allow execution (0-3, 0,1)"),
    "cpuset-mems": stringFlag(undefined, "MEMs in which to allow execution (0-3, 0,1)"),
    "kernel-memory": bytesFlag(undefined, "Kernel memory limit", words.kernelHidden),
    memory: bytesFlag("m", "Memory limit"),
    "memory-reservation": bytesFlag(undefined, "Memory soft limit"),
    "memory-swap": valueFlag(
      "bytes",
      `Swap limit equal to memory plus swap: ${words.unlimitedSwap} to enable unlimited swap`,
      { initial: 0, parse: parseSwap },
    ),
    "pids-limit": intFlag(undefined, "Tune container pids limit (set -1 for unlimited)"),
  };
}

/** All limits of `run` and `create`. */
export type ResourceFlags = LimitFlags &
  Readonly<
    Record<"cpu-count" | "cpu-percent" | "io-maxbandwidth" | "io-maxiops", Flag<number>> &
      Record<"memory-swappiness" | "oom-score-adj" | "shm-size", Flag<number>> &
      Record<"oom-kill-disable", Flag<boolean>> &
      Record<"cgroup-parent", Flag<string>> &
      Record<
        "device-read-bps" | "device-read-iops" | "device-write-bps" | "device-write-iops",
        Flag<readonly ThrottleDevice[]>
      > &
      Record<"blkio-weight-device", Flag<readonly { readonly Path: string; readonly Weight: number }[]>> &
      Record<"ulimit", Flag<readonly Ulimit[]>>
  >;

function deviceList<T>(usage: string, parse: (text: string) => T): Flag<readonly T[]> {
  const initial: readonly T[] = [];
  return valueFlag<readonly T[]>("list", usage, {
    initial,
    shownDefault: "[]",
    parse: (text, current) => [...current, parse(text)],
  });
}

const ulimit: Flag<readonly Ulimit[]> = valueFlag<readonly Ulimit[]>("ulimit", "Ulimit options", {
  initial: [],
  shownDefault: "[]",
  parse: (text, current) => {
    const own = parseUlimit(text);
    return [...current.filter(({ Name }) => Name !== own.Name), own];
  },
});

/** Refused by every daemon that runs Linux, as varve's does; taken so that the refusal names them. */
const windowsOnly = (typeName: string, usage: string): Flag<number> =>
  valueFlag(typeName, usage, { initial: 0, hidden: true, parse: typeName === "bytes" ? parseBytes : Number });

export const RESOURCE_FLAGS: ResourceFlags = {
  ...limitFlags({ realtime: "CPU real-time", unlimitedSwap: "'-1'", kernelHidden: false }),
  "blkio-weight-device": deviceList("Block IO weight (relative device weight)", parseWeightDevice),
  "cgroup-parent": stringFlag(undefined, "Optional parent cgroup for the container"),
  "cpu-count": windowsOnly("int", "CPU count (Windows only)"),
  "cpu-percent": windowsOnly("int", "CPU percent (Windows only)"),
  "device-read-bps": deviceList("Limit read rate (bytes per second) from a device", parseByteRate),
  "device-read-iops": deviceList("Limit read rate (IO per second) from a device", parseOperationRate),
  "device-write-bps": deviceList("Limit write rate (bytes per second) to a device", parseByteRate),
  "device-write-iops": deviceList("Limit write rate (IO per second) to a device", parseOperationRate),
  "io-maxbandwidth": windowsOnly("bytes", "Maximum IO bandwidth limit for the system drive (Windows only)"),
  "io-maxiops": windowsOnly("uint", "Maximum IOps limit for the system drive (Windows only)"),
  "memory-swappiness": intFlag(undefined, "Tune container memory swappiness (0 to 100)", -1),
  "oom-kill-disable": boolFlag(undefined, "Disable OOM Killer"),
  "oom-score-adj": intFlag(undefined, "Tune host's OOM preferences (-1000 to 1000)"),
  "shm-size": bytesFlag(undefined, "Size of /dev/shm"),
  ulimit,
};

type Wire = Readonly<Record<string, unknown>>;

/** The limits that `update` sends too. */
export function limits(flags: FlagValues<LimitFlags>): Wire {
  return {
    CpuShares: flags["cpu-shares"],
    Memory: flags.memory,
    NanoCpus: flags.cpus,
    BlkioWeight: flags["blkio-weight"],
    CpuPeriod: flags["cpu-period"],
    CpuQuota: flags["cpu-quota"],
    CpuRealtimePeriod: flags["cpu-rt-period"],
    CpuRealtimeRuntime: flags["cpu-rt-runtime"],
    CpusetCpus: flags["cpuset-cpus"],
    CpusetMems: flags["cpuset-mems"],
    MemoryReservation: flags["memory-reservation"],
    MemorySwap: flags["memory-swap"],
  };
}

const byName = (a: Ulimit, b: Ulimit): number => (a.Name < b.Name ? -1 : 1);

/** The part of HostConfig that limits. @throws {Error} in Docker's words. */
export function resources(flags: FlagValues<ResourceFlags>): Wire {
  const swappiness = flags["memory-swappiness"];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  return {
    ...limits(flags),
    CgroupParent: flags["cgroup-parent"],
    BlkioWeightDevice: flags["blkio-weight-device"],
    BlkioDeviceReadBps: flags["device-read-bps"],
    BlkioDeviceWriteBps: flags["device-write-bps"],
    BlkioDeviceReadIOps: flags["device-read-iops"],
    BlkioDeviceWriteIOps: flags["device-write-iops"],
    MemorySwappiness: swappiness,
    OomKillDisable: flags["oom-kill-disable"],
    PidsLimit: flags["pids-limit"],
    Ulimits: [...flags.ulimit].sort(byName),
    CpuCount: flags["cpu-count"],
    CpuPercent: flags["cpu-percent"],
    IOMaximumIOps: flags["io-maxiops"],
    IOMaximumBandwidth: flags["io-maxbandwidth"],
    OomScoreAdj: flags["oom-score-adj"],
    ShmSize: flags["shm-size"],
  };
}

const WINDOWS_ONLY = ["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"];

/** The first flag that only a daemon on Windows takes. */
export function windowsFlag(given: ReadonlySet<string>): string | undefined {
  return WINDOWS_ONLY.find((name) => given.has(name));
}
