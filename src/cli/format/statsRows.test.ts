import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuPercent, memoryUsed, STATS_TITLES, statsRow } from "./statsRows.ts";
import { listFormat, renderList } from "./table.ts";

const SAMPLE = {
  name: "/web",
  id: "0123456789abcdef",
  cpu_stats: { cpu_usage: { total_usage: 3_000 }, system_cpu_usage: 10_000, online_cpus: 2 },
  precpu_stats: { cpu_usage: { total_usage: 1_000 }, system_cpu_usage: 2_000 },
  memory_stats: { usage: 3 * 1024 ** 2, limit: 1024 ** 3, stats: { total_inactive_file: 1024 ** 2, inactive_file: 1 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: "Read", value: 1500 },
      { op: "write", value: 20 },
      { op: "Total", value: 9 },
    ],
  },
  networks: { eth0: { rx_bytes: 1000, tx_bytes: 1 }, eth1: { rx_bytes: 500, tx_bytes: 1 } },
  pids_stats: { current: 4 },
};

test("stats: CPU share of all CPUs since the sample before", () => {
  assert.equal(cpuPercent(SAMPLE), 50);
  assert.equal(cpuPercent({}), 0);
  const old = {
    ...SAMPLE,
    cpu_stats: { ...SAMPLE.cpu_stats, online_cpus: 0, cpu_usage: { total_usage: 3_000, percpu_usage: [1, 2, 3, 4] } },
  };
  assert.equal(cpuPercent(old), 100);
});

test("stats: memory without the inactive file cache, of cgroup v1 or v2", () => {
  assert.equal(memoryUsed(SAMPLE.memory_stats), 2 * 1024 ** 2);
  assert.equal(memoryUsed({ usage: 100, stats: { inactive_file: 30 } }), 70);
  assert.equal(memoryUsed({ usage: 100, stats: { total_inactive_file: 200 } }), 100);
});

test("stats: a row, and one whose numbers are too old", () => {
  const format = listFormat(
    "{{.Name}} {{.ID}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}} {{.BlockIO}} {{.PIDs}}",
    "",
  );
  const text = (isStale: boolean): string =>
    renderList(format, STATS_TITLES, [statsRow({ container: "web", sample: SAMPLE, isStale }, false)]);
  assert.equal(text(false), "web 0123456789ab 50.00% 2MiB / 1GiB 0.20% 1.5kB / 2B 1.5kB / 20B 4\n");
  assert.equal(text(true), "web 0123456789ab -- -- / -- -- -- -- --\n");
});
