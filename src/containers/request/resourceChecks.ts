import { EngineError, ErrorCode } from "#errors";
import type { HostConfig } from "./hostConfig.ts";
import type { KernelSupport } from "./kernelSupport.ts";

const MIN_MEMORY_BYTES = 6 << 20;
const MIN_PERIOD_MICROS = 1000;
const MAX_PERIOD_MICROS = 1_000_000;
const MAX_OOM_SCORE = 1000;
const MIN_WEIGHT = 10;
const MAX_WEIGHT = 1000;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** Condition and what is said when it holds. */
type Rule = readonly [broken: boolean, message: string];

function enforce(rules: readonly Rule[]): void {
  const broken = rules.find(([isBroken]) => isBroken);
  if (broken !== undefined) throw invalid(broken[1]);
}

function memoryRules(config: HostConfig): readonly Rule[] {
  const { Memory, MemorySwap, MemoryReservation } = config;
  return [
    [Memory !== 0 && Memory < MIN_MEMORY_BYTES, "Minimum memory limit allowed is 6MB"],
    [
      Memory > 0 && MemorySwap > 0 && MemorySwap < Memory,
      "Minimum memoryswap limit should be larger than memory limit, see usage",
    ],
    [Memory === 0 && MemorySwap > 0, "You should always set the Memory limit when using Memoryswap limit, see usage"],
    [MemoryReservation > 0 && MemoryReservation < MIN_MEMORY_BYTES, "Minimum memory reservation allowed is 6MB"],
    [
      Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation,
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    ],
  ];
}

function processorRules(config: HostConfig, support: KernelSupport): readonly Rule[] {
  const { NanoCpus, CpuPeriod, CpuQuota, CpuRealtimePeriod, CpuRealtimeRuntime } = config;
  const realtime = CpuRealtimePeriod !== 0 || CpuRealtimeRuntime !== 0;
  return [
    [NanoCpus > 0 && CpuPeriod > 0, "Conflicting options: Nano CPUs and CPU Period cannot both be set"],
    [NanoCpus > 0 && CpuQuota > 0, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [
      NanoCpus > 0 && !support.cpuQuota,
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    ],
    [
      CpuPeriod !== 0 && (CpuPeriod < MIN_PERIOD_MICROS || CpuPeriod > MAX_PERIOD_MICROS),
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ],
    [CpuQuota > 0 && CpuQuota < MIN_PERIOD_MICROS, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [realtime && !support.realtime, "Your kernel does not support CPU real-time scheduler"],
    [
      CpuRealtimePeriod !== 0 && CpuRealtimeRuntime > CpuRealtimePeriod,
      "cpu real-time runtime cannot be higher than cpu real-time period",
    ],
  ];
}

function otherRules(config: HostConfig, support: KernelSupport): readonly Rule[] {
  const { BlkioWeight, ShmSize, OomScoreAdj } = config;
  return [
    [
      support.blkioWeight && BlkioWeight !== 0 && (BlkioWeight < MIN_WEIGHT || BlkioWeight > MAX_WEIGHT),
      "Range of blkio weight is from 10 to 1000",
    ],
    [ShmSize < 0, "SHM size can not be less than 0"],
    [Math.abs(OomScoreAdj) > MAX_OOM_SCORE, `Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`],
  ];
}

/** What this kernel cannot do, dropped: whether it was asked for, what to say, what to put instead. */
type Drop = readonly [dropped: boolean, what: string, instead: Partial<HostConfig>, consequence?: string];

const unsupported = (what: string, consequence: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${consequence}`;

const DISCARDED = "Limitation discarded.";

function memoryDrops(config: HostConfig, support: KernelSupport): readonly Drop[] {
  const { Memory, MemorySwap, MemoryReservation, MemorySwappiness } = config;
  return [
    [Memory > 0 && !support.memory, "memory limit capabilities", { Memory: 0, MemorySwap: -1 }],
    [
      Memory > 0 && support.memory && MemorySwap !== -1 && !support.swap,
      "swap limit capabilities",
      { MemorySwap: -1 },
      "Memory limited without swap.",
    ],
    [
      MemorySwappiness !== null && !support.swappiness,
      "memory swappiness capabilities",
      { MemorySwappiness: null },
      "Memory swappiness discarded.",
    ],
    [MemoryReservation > 0 && !support.reservation, "memory soft limit capabilities", { MemoryReservation: 0 }],
    [
      config.PidsLimit !== null && !support.pids,
      "PIDs limit capabilities",
      { PidsLimit: null },
      "PIDs limit discarded.",
    ],
  ];
}

function processorDrops(config: HostConfig, support: KernelSupport): readonly Drop[] {
  const { CpuShares, CpuPeriod, CpuQuota, CpusetCpus, CpusetMems } = config;
  return [
    [CpuShares > 0 && !support.cpuShares, "CPU shares", { CpuShares: 0 }, "Shares discarded."],
    [
      (CpuPeriod !== 0 || CpuQuota !== 0) && !support.cpuQuota,
      "CPU CFS scheduler",
      { CpuPeriod: 0, CpuQuota: 0 },
      "CPU period/quota discarded.",
    ],
    [
      (CpusetCpus !== "" || CpusetMems !== "") && !support.cpuset,
      "cpuset",
      { CpusetCpus: "", CpusetMems: "" },
      "Cpuset discarded.",
    ],
  ];
}

function blockDrops(config: HostConfig, support: KernelSupport): readonly Drop[] {
  const throttles = [
    ["BlkioDeviceReadBps", "BPS Block I/O read limit", "Block I/O BPS read limit"],
    ["BlkioDeviceWriteBps", "BPS Block I/O write limit", "Block I/O BPS write limit"],
    ["BlkioDeviceReadIOps", "IOPS Block read limit", "Block I/O IOPS read limit"],
    ["BlkioDeviceWriteIOps", "IOPS Block write limit", "Block I/O IOPS write limit"],
  ] as const;
  return [
    [config.BlkioWeight > 0 && !support.blkioWeight, "Block I/O weight", { BlkioWeight: 0 }, "Weight discarded."],
    [
      config.BlkioWeightDevice.length > 0 && !support.blkioWeightDevice,
      "Block I/O weight_device",
      { BlkioWeightDevice: [] },
      "Weight-device discarded.",
    ],
    ...throttles.map(
      ([field, what, limit]): Drop => [
        config[field].length > 0 && !support.blkioThrottle,
        what,
        { [field]: [] },
        `${limit} discarded.`,
      ],
    ),
  ];
}

/** What holds, but should be known. */
function notes(config: HostConfig, support: KernelSupport): readonly string[] {
  const { OomKillDisable, Memory, CgroupnsMode } = config;
  const rules: readonly Rule[] = [
    [
      OomKillDisable && !support.oomKillDisable,
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ],
    [
      OomKillDisable && support.oomKillDisable && Memory === 0,
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    ],
    [
      CgroupnsMode === "private" && !support.cgroupNamespaces,
      "Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.",
    ],
  ];
  return rules.filter(([holds]) => holds).map(([, message]) => message);
}

/**
 * Limits as this kernel can keep them, and what had to be left out.
 * @throws {invalid_argument} in Docker's words for values that contradict each other or are out of range
 */
export function checkResources(
  config: HostConfig,
  support: KernelSupport,
): { readonly hostConfig: HostConfig; readonly warnings: readonly string[] } {
  enforce([...memoryRules(config), ...processorRules(config, support), ...otherRules(config, support)]);
  const drops = [
    ...memoryDrops(config, support),
    ...processorDrops(config, support),
    ...blockDrops(config, support),
  ].filter(([dropped]) => dropped);
  const changes = drops.map(([, , instead]) => instead);
  const oom = config.OomKillDisable && !support.oomKillDisable ? { OomKillDisable: false } : {};
  return {
    hostConfig: Object.assign({ ...config }, ...changes, oom) as HostConfig,
    warnings: [
      ...drops.map(([, what, , consequence = DISCARDED]) => unsupported(what, consequence)),
      ...notes(config, support),
    ],
  };
}
