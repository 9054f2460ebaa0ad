import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { listCgroupProcesses, parseNetDev, parseProcStat, readCgroupUsage } from "./cgroupUsage.ts";

function withTree(files: Readonly<Record<string, string>>, use: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "varve-cgroup-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const IO =
  "254:0 Read 16384\n254:0 Write 430080\n254:0 Sync 446464\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 446464\nTotal 446464\n";

/** Recorded on Linux 6.18, hybrid. */
const V1 = {
  "unified/cgroup.controllers": "",
  "cpuacct/c/cpuacct.stat": "user 2\nsystem 1\n",
  "cpuacct/c/cpuacct.usage": "27494247\n",
  "cpuacct/c/cpuacct.usage_percpu": "17840766 9653481 \n",
  "cpu/c/cpu.stat": "nr_periods 4\nnr_throttled 3\nthrottled_time 99\nnr_bursts 0\nburst_time 0\n",
  "memory/c/memory.usage_in_bytes": "397312\n",
  "memory/c/memory.max_usage_in_bytes": "4345856\n",
  "memory/c/memory.failcnt": "7\n",
  "memory/c/memory.limit_in_bytes": "9223372036854771712\n",
  "memory/c/memory.stat": "cache 0\nrss 98304\ntotal_inactive_file 5\n",
  "pids/c/pids.current": "3\n",
  "pids/c/pids.max": "max\n",
  "pids/c/cgroup.procs": "11\n12\n",
  "pids/c/nested/cgroup.procs": "13\n",
  "blkio/c/blkio.throttle.io_service_bytes_recursive": IO,
  "blkio/c/blkio.throttle.io_serviced_recursive": "Total 0\n",
};

/** Recorded on Linux 6.12, unified. */
const V2 = {
  "cgroup.controllers": "cpuset cpu io memory pids\n",
  "c/cpu.stat":
    "usage_usec 31415\nuser_usec 20000\nsystem_usec 11415\nnr_periods 5\nnr_throttled 1\nthrottled_usec 2500\nnr_bursts 0\nburst_usec 0\n",
  "c/memory.current": "1048576\n",
  "c/memory.max": "67108864\n",
  "c/memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\noom_group_kill 0\n",
  "c/memory.stat": "anon 4096\nfile 8192\ninactive_file 100\n",
  "c/pids.current": "2\n",
  "c/pids.max": "100\n",
  "c/cgroup.procs": "21\n",
  "c/init/cgroup.procs": "22\n",
  "c/io.stat": "254:0 rbytes=16384 wbytes=430080 rios=4 wios=105 dbytes=0 dios=0\n254:16 \n",
};

test("cgroup use: version 1 beside an empty version 2 tree", () => {
  withTree(V1, (root) => {
    const usage = readCgroupUsage("/c", root);
    assert.ok(usage);
    const { memory, io, ...rest } = usage;
    assert.deepEqual(rest, {
      version: 1,
      cpu: {
        total: 27494247,
        perCpu: [17840766, 9653481],
        kernel: 10_000_000,
        user: 20_000_000,
        periods: 4,
        throttledPeriods: 3,
        throttledTime: 99,
      },
      pids: { current: 3 },
    });
    const { stats, ...sizes } = memory;
    assert.deepEqual(sizes, { usage: 397312, maxUsage: 4345856, failures: 7, limit: Number.POSITIVE_INFINITY });
    assert.equal(stats.get("total_inactive_file"), 5);
    assert.deepEqual(io.bytes[1], { major: 254, minor: 0, op: "Write", value: 430080 });
    assert.equal(io.bytes.length, 6);
    assert.deepEqual(io.operations, []);
    assert.deepEqual(listCgroupProcesses("/c", root), [11, 12, 13]);
  });
});

test("cgroup use: version 2", () => {
  withTree(V2, (root) => {
    const usage = readCgroupUsage("/c", root);
    assert.ok(usage);
    const { memory, ...rest } = usage;
    assert.deepEqual(rest, {
      version: 2,
      cpu: {
        total: 31_415_000,
        kernel: 11_415_000,
        user: 20_000_000,
        periods: 5,
        throttledPeriods: 1,
        throttledTime: 2_500_000,
      },
      pids: { current: 2, limit: 100 },
      io: {
        bytes: [
          { major: 254, minor: 0, op: "read", value: 16384 },
          { major: 254, minor: 0, op: "write", value: 430080 },
        ],
        operations: [
          { major: 254, minor: 0, op: "read", value: 4 },
          { major: 254, minor: 0, op: "write", value: 105 },
        ],
      },
    });
    const { stats, ...sizes } = memory;
    assert.deepEqual(sizes, { usage: 1048576, failures: 2, limit: 67108864 });
    assert.equal(stats.get("inactive_file"), 100);
    assert.deepEqual(listCgroupProcesses("/c", root), [21, 22]);
  });
});

test("cgroup use: v1 of a kernel without the memory controller tells the rest", () => {
  const tree = Object.fromEntries(Object.entries(V1).filter(([file]) => !file.startsWith("memory/")));
  withTree(tree, (root) => {
    const usage = readCgroupUsage("/c", root);
    assert.equal(usage?.memory.usage, 0);
    assert.equal(usage?.pids.current, 3);
  });
});

test("cgroup use: nothing where there is no cgroup", () => {
  withTree(V1, (root) => assert.equal(readCgroupUsage("/other", root), undefined));
  withTree(V2, (root) => {
    assert.equal(readCgroupUsage("/other", root), undefined);
    assert.deepEqual(listCgroupProcesses("/other", root), []);
  });
});

test("processor time: seven columns, all processors", () => {
  const text =
    "cpu  271608 0 105235 448597 2069 0 1044 116 0 0\ncpu0 1 0 0 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\nintr 5\n";
  assert.deepEqual(parseProcStat(text), { total: 828553e7, processors: 2 });
});

test("interfaces: received and sent", () => {
  const head =
    "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs\n";
  const line =
    "  eth0:     746       7    1    2    0     0          0         0       10       20    3    4    0     0       0          0\n";
  assert.deepEqual(parseNetDev(head + line), [
    {
      name: "eth0",
      received: { bytes: 746, packets: 7, errors: 1, dropped: 2 },
      sent: { bytes: 10, packets: 20, errors: 3, dropped: 4 },
    },
  ]);
});
