import assert from "node:assert/strict";
import { test } from "node:test";
import { statsOnWire } from "./statsView.ts";
import type { Sample } from "./sampler.ts";

const SUBJECT = { id: "i".repeat(64), name: "n" };
const SAMPLE: Sample = {
  at: new Date("2026-11-25T02:49:50.530Z"),
  usage: {
    version: 1,
    cpu: { total: 5, perCpu: [3, 2], kernel: 1, user: 4, periods: 0, throttledPeriods: 0, throttledTime: 0 },
    memory: {
      usage: 10,
      maxUsage: 20,
      failures: 0,
      limit: Number.POSITIVE_INFINITY,
      stats: new Map([
        ["shmem", 1],
        ["cache", 2],
        ["active_anon", 3],
      ]),
    },
    pids: { current: 1, limit: 100 },
    io: { bytes: [{ major: 254, minor: 0, op: "Read", value: 1 }], operations: [] },
  },
  interfaces: [
    {
      name: "eth0",
      received: { bytes: 1, packets: 2, errors: 3, dropped: 4 },
      sent: { bytes: 5, packets: 6, errors: 7, dropped: 8 },
    },
  ],
  machine: { total: 100, processors: 2, memory: 1000 },
};

test("stats: fields and their order as dockerd writes them on cgroup v1", () => {
  const wire = JSON.stringify(statsOnWire(SUBJECT, SAMPLE, undefined));
  assert.equal(
    wire,
    `{"read":"2026-11-25T02:49:50.530Z","preread":"0001-01-01T00:00:00Z","pids_stats":{"current":1,"limit":100},"blkio_stats":{"io_service_bytes_recursive":[{"major":254,"minor":0,"op":"Read","value":1}],"io_serviced_recursive":[],"io_queue_recursive":[],"io_service_time_recursive":[],"io_wait_time_recursive":[],"io_merged_recursive":[],"io_time_recursive":[],"sectors_recursive":[]},"num_procs":0,"storage_stats":{},"cpu_stats":{"cpu_usage":{"total_usage":5,"percpu_usage":[3,2],"usage_in_kernelmode":1,"usage_in_usermode":4},"system_cpu_usage":100,"online_cpus":2,"throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}},"precpu_stats":{"cpu_usage":{"total_usage":0,"usage_in_kernelmode":0,"usage_in_usermode":0},"throttling_data":{"periods":0,"throttled_periods":0,"throttled_time":0}},"memory_stats":{"usage":10,"max_usage":20,"stats":{"active_anon":3,"cache":2},"limit":1000},"name":"/n","id":"${SUBJECT.id}","networks":{"eth0":{"rx_bytes":1,"rx_packets":2,"rx_errors":3,"rx_dropped":4,"tx_bytes":5,"tx_packets":6,"tx_errors":7,"tx_dropped":8}}}`,
  );
});

test("stats: the sample before is what the present one is compared with", () => {
  const wire = statsOnWire(SUBJECT, SAMPLE, SAMPLE);
  assert.equal(wire["preread"], "2026-11-25T02:49:50.530Z");
  assert.deepEqual(wire["precpu_stats"], wire["cpu_stats"]);
});

test("stats: a container that does not run has nothing but its name", () => {
  const wire = statsOnWire(SUBJECT, undefined, SAMPLE);
  assert.deepEqual([wire["read"], wire["memory_stats"], wire["name"]], ["0001-01-01T00:00:00Z", {}, "/n"]);
});

test("stats: on cgroup v2 every key of memory.stat, no columns for each processor", () => {
  const { perCpu: _, ...cpu } = SAMPLE.usage.cpu;
  const { maxUsage: _max, ...memory } = SAMPLE.usage.memory;
  const usage = { ...SAMPLE.usage, version: 2 as const, cpu, memory: { ...memory, failures: 2, limit: 500 } };
  const wire = statsOnWire(SUBJECT, { ...SAMPLE, usage }, undefined);
  assert.deepEqual(wire["memory_stats"], {
    usage: 10,
    stats: { shmem: 1, cache: 2, active_anon: 3 },
    failcnt: 2,
    limit: 500,
  });
  assert.doesNotMatch(JSON.stringify(wire), /percpu|"sectors_recursive":\[\]/);
});
