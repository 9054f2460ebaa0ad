import type { CgroupUsage, InterfaceUse, IoUse } from "#host";
import { NEVER } from "../document.ts";
import type { Sample } from "./sampler.ts";
import type { StatsResponse } from "./usageService.ts";

/** The keys of memory.stat that dockerd shows on cgroup v1, in its order; on v2 it shows what the kernel has. */
const MEMORY_KEYS: readonly string[] = `
  active_anon active_file cache dirty hierarchical_memory_limit hierarchical_memsw_limit inactive_anon inactive_file
  mapped_file pgfault pgmajfault pgpgin pgpgout rss rss_huge total_active_anon total_active_file total_cache total_dirty
  total_inactive_anon total_inactive_file total_mapped_file total_pgfault total_pgmajfault total_pgpgin total_pgpgout
  total_rss total_rss_huge total_unevictable total_writeback unevictable writeback`
  .trim()
  .split(/\s+/);

const NO_THROTTLING = { periods: 0, throttled_periods: 0, throttled_time: 0 } as const;
const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: NO_THROTTLING,
} as const;

function blkio(bytes: readonly IoUse[] | null, operations: readonly IoUse[] | null, rest: readonly [] | null): object {
  return {
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: operations,
    io_queue_recursive: rest,
    io_service_time_recursive: rest,
    io_wait_time_recursive: rest,
    io_merged_recursive: rest,
    io_time_recursive: rest,
    sectors_recursive: rest,
  };
}

function cpu({ usage, machine }: Sample): object {
  const { total, perCpu, kernel, user, periods, throttledPeriods, throttledTime } = usage.cpu;
  return {
    cpu_usage: {
      total_usage: total,
      ...(perCpu === undefined ? {} : { percpu_usage: perCpu }),
      usage_in_kernelmode: kernel,
      usage_in_usermode: user,
    },
    system_cpu_usage: machine.total,
    online_cpus: machine.processors,
    throttling_data: { periods, throttled_periods: throttledPeriods, throttled_time: throttledTime },
  };
}

function memory({ version, memory: use }: CgroupUsage, machineBytes: number): object {
  const stats =
    version === 2
      ? Object.fromEntries(use.stats)
      : Object.fromEntries(MEMORY_KEYS.flatMap((key) => (use.stats.has(key) ? [[key, use.stats.get(key)]] : [])));
  return {
    usage: use.usage,
    ...(use.maxUsage === undefined ? {} : { max_usage: use.maxUsage }),
    stats,
    ...(use.failures === 0 ? {} : { failcnt: use.failures }),
    limit: Math.min(use.limit, machineBytes),
  };
}

function networks(interfaces: readonly InterfaceUse[]): object {
  if (interfaces.length === 0) return {};
  const rows = interfaces.map(({ name, received, sent }) => [
    name,
    {
      rx_bytes: received.bytes,
      rx_packets: received.packets,
      rx_errors: received.errors,
      rx_dropped: received.dropped,
      tx_bytes: sent.bytes,
      tx_packets: sent.packets,
      tx_errors: sent.errors,
      tx_dropped: sent.dropped,
    },
  ]);
  return { networks: Object.fromEntries(rows) };
}

/** Milliseconds are all that we know of the nine digits that Go writes. */
function goTime(at: Date): string {
  return at.toISOString();
}

/** Who it is about. */
export interface StatsSubject {
  readonly id: string;
  readonly name: string;
}

/** A sample on the wire, beside the one before it. Without one: the container does not run. */
export function statsOnWire(
  subject: StatsSubject,
  sample: Sample | undefined,
  previous: Sample | undefined,
): StatsResponse {
  const named = { name: `/${subject.name}`, id: subject.id };
  if (sample === undefined) {
    return {
      read: NEVER,
      preread: NEVER,
      pids_stats: {},
      blkio_stats: blkio(null, null, null),
      num_procs: 0,
      storage_stats: {},
      cpu_stats: NO_CPU,
      precpu_stats: NO_CPU,
      memory_stats: {},
      ...named,
    };
  }
  const { usage, machine, interfaces, at } = sample;
  const { pids, io } = usage;
  return {
    read: goTime(at),
    preread: previous === undefined ? NEVER : goTime(previous.at),
    pids_stats: { ...(pids.current === 0 ? {} : { current: pids.current }), ...(pids.limit && { limit: pids.limit }) },
    blkio_stats: usage.version === 2 ? blkio(io.bytes, null, null) : blkio(io.bytes, io.operations, []),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(sample),
    precpu_stats: previous === undefined ? NO_CPU : cpu(previous),
    memory_stats: memory(usage, machine.memory),
    ...named,
    ...networks(interfaces),
  };
}
