import { rowStruct } from "../template/value.ts";
import type { GoStruct } from "../template/value.ts";
import { binarySize, humanSize, shortId } from "./units.ts";

interface CpuStats {
  readonly cpu_usage?: { readonly total_usage?: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

interface MemoryStats {
  readonly usage?: number;
  readonly limit?: number;
  readonly stats?: Readonly<Record<string, number>> | null;
}

/** One sample of `GET /containers/ID/stats`, as far as the table shows it. */
export interface StatsSample {
  readonly name?: string;
  readonly id?: string;
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
  readonly memory_stats?: MemoryStats;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>> | null;
  readonly pids_stats?: { readonly current?: number };
}

/** What is known of one container; without a sample, or `isStale`, its numbers are shown as `--`. */
export interface StatsEntry {
  /** As it was asked for. */
  readonly container: string;
  readonly sample: StatsSample | undefined;
  readonly isStale: boolean;
}

const NO_VALUE = "--";

/** Share of one CPU's time since the sample before, in percent: two busy CPUs are 200. */
export function cpuPercent({ cpu_stats: now = {}, precpu_stats: before = {} }: StatsSample): number {
  const used = (now.cpu_usage?.total_usage ?? 0) - (before.cpu_usage?.total_usage ?? 0);
  const whole = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage?.percpu_usage?.length ?? 0);
  return used > 0 && whole > 0 ? (used / whole) * cpus * 100 : 0;
}

/** Memory without the file cache that the kernel can drop at once; keys of cgroup v1, else v2. */
export function memoryUsed({ usage = 0, stats }: MemoryStats): number {
  const version1 = stats?.["total_inactive_file"];
  if (version1 !== undefined && version1 < usage) return usage - version1;
  const inactive = stats?.["inactive_file"] ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function blockBytes(sample: StatsSample, letter: string): number {
  return (sample.blkio_stats?.io_service_bytes_recursive ?? [])
    .filter(({ op }) => op.charAt(0).toLowerCase() === letter)
    .reduce((sum, { value }) => sum + value, 0);
}

function networkBytes(sample: StatsSample, key: "rx_bytes" | "tx_bytes"): number {
  return Object.values(sample.networks ?? {}).reduce((sum, counters) => sum + counters[key], 0);
}

const percentage = (value: number): string => `${value.toFixed(2)}%`;
const bytesPair = (one: number, other: number): string => `${humanSize(one, 3)} / ${humanSize(other, 3)}`;

/** Column titles of a stats row. */
export const STATS_TITLES: Readonly<Record<string, string>> = {
  Container: "CONTAINER",
  Name: "NAME",
  ID: "CONTAINER ID",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
};

/** One row for a formatter; names as Docker's. */
export function statsRow({ container, sample = {}, isStale }: StatsEntry, noTrunc: boolean): GoStruct {
  const memory = sample.memory_stats ?? {};
  const used = memoryUsed(memory);
  const limit = memory.limit ?? 0;
  const id = sample.id ?? "";
  const name = sample.name ?? "";
  const known =
    (text: () => string, none = NO_VALUE) =>
    (): string =>
      isStale ? none : text();
  return rowStruct("*container.statsContext", {
    BlockIO: known(() => bytesPair(blockBytes(sample, "r"), blockBytes(sample, "w"))),
    CPUPerc: known(() => percentage(cpuPercent(sample))),
    Container: () => container,
    ID: () => (noTrunc ? id : shortId(id)),
    MemPerc: known(() => percentage(limit === 0 ? 0 : (used / limit) * 100)),
    MemUsage: known(() => `${binarySize(used)} / ${binarySize(limit)}`, "-- / --"),
    Name: () => (name.length > 1 ? name.slice(1) : NO_VALUE),
    NetIO: known(() => bytesPair(networkBytes(sample, "rx_bytes"), networkBytes(sample, "tx_bytes"))),
    PIDs: known(() => String(sample.pids_stats?.current ?? 0)),
  });
}
