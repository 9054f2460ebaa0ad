import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostConfig } from "./hostConfig.ts";
import { legacySupport, unifiedSupport } from "./kernelSupport.ts";
import { checkResources } from "./resourceChecks.ts";

const EVERYTHING = legacySupport(() => true, true);
const NOTHING = legacySupport(() => false, false);
const MB = 1 << 20;

const check = (request: object, support = EVERYTHING): ReturnType<typeof checkResources> =>
  checkResources(parseHostConfig(request), support);

const REFUSED: readonly (readonly [object, string])[] = [
  [{ Memory: MB }, "Minimum memory limit allowed is 6MB"],
  [{ MemoryReservation: MB }, "Minimum memory reservation allowed is 6MB"],
  [
    { Memory: 10 * MB, MemoryReservation: 20 * MB },
    "Minimum memory limit can not be less than memory reservation limit, see usage",
  ],
  [{ MemorySwap: 10 * MB }, "You should always set the Memory limit when using Memoryswap limit, see usage"],
  [{ Memory: 10 * MB, MemorySwap: 5 * MB }, "Minimum memoryswap limit should be larger than memory limit, see usage"],
  [{ NanoCpus: 1e9, CpuPeriod: 1000 }, "Conflicting options: Nano CPUs and CPU Period cannot both be set"],
  [{ NanoCpus: 1e9, CpuQuota: 1000 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
  [{ CpuPeriod: 10 }, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"],
  [{ CpuQuota: 10 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
  [
    { CpuRealtimePeriod: 100, CpuRealtimeRuntime: 200 },
    "cpu real-time runtime cannot be higher than cpu real-time period",
  ],
  [{ BlkioWeight: 5 }, "Range of blkio weight is from 10 to 1000"],
  [{ ShmSize: -1 }, "SHM size can not be less than 0"],
  [{ OomScoreAdj: 2000 }, "Invalid value 2000, range for oom score adj is [-1000, 1000]"],
];
for (const [request, message] of REFUSED) {
  test(`resources: ${message}`, () => {
    assert.throws(() => check(request), { category: "invalid_argument", message });
  });
}

test("resources: what the kernel can limit is kept without a word", () => {
  const { hostConfig, warnings } = check({ Memory: 10 * MB, BlkioWeight: 100, CpuShares: 10, OomKillDisable: true });
  assert.deepEqual(warnings, []);
  assert.deepEqual([hostConfig.Memory, hostConfig.BlkioWeight, hostConfig.OomKillDisable], [10 * MB, 100, true]);
});

test("resources: what it cannot limit is dropped with a warning", () => {
  const device = [{ Path: "/dev/null", Rate: 1 }];
  const { hostConfig, warnings } = check(
    { Memory: 10 * MB, BlkioWeight: 5, BlkioDeviceReadBps: device, OomKillDisable: true, CgroupnsMode: "private" },
    NOTHING,
  );
  assert.deepEqual(warnings, [
    "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
    "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
    "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded.",
    "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    "Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.",
  ]);
  assert.deepEqual(
    [hostConfig.Memory, hostConfig.BlkioWeight, hostConfig.BlkioDeviceReadBps, hostConfig.OomKillDisable],
    [0, 0, [], false],
  );
});

test("resources: v2 has no swappiness and no way to keep the OOM killer off", () => {
  const { hostConfig, warnings } = check(
    { Memory: 10 * MB, MemorySwappiness: 10, OomKillDisable: true },
    unifiedSupport(["cpu", "memory", "io", "pids", "cpuset"], true),
  );
  assert.equal(hostConfig.MemorySwappiness, null);
  assert.equal(hostConfig.OomKillDisable, false);
  assert.equal(warnings.length, 2);
});

test("resources: no OOM killer and no limit endangers the host", () => {
  assert.match(check({ OomKillDisable: true }).warnings.join(), /^OOM killer is disabled for the container, but/);
});
