import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostConfig } from "../request/hostConfig.ts";
import { checkShares, containerResources } from "./resources.ts";

const LIMITS = parseHostConfig({ Memory: 64 << 20, MemorySwap: -1, MemorySwappiness: 10, OomKillDisable: true });

test("resources: v1 takes swappiness and the OOM switch; unlimited swap is what a group has", () => {
  assert.deepEqual(containerResources(LIMITS, [], "hybrid").memory, {
    limit: 64 << 20,
    swappiness: 10,
    disableOOMKiller: true,
  });
});

test("resources: v2 gets neither", () => {
  assert.deepEqual(containerResources(LIMITS, [], "unified").memory, { limit: 64 << 20 });
});

test("resources: rules of devices follow the fixed ones; a privileged container needs none", () => {
  const rule = { allow: true, type: "c", major: 10, minor: 200, access: "rw" } as const;
  assert.deepEqual(containerResources(parseHostConfig({}), [rule]).devices.at(-1), rule);
  assert.deepEqual(containerResources(parseHostConfig({ Privileged: true }), [rule]).devices, [
    { allow: true, access: "rwm" },
  ]);
});

test("resources: throttled devices by number, a missing one is told", () => {
  const { blockIO } = containerResources(
    parseHostConfig({ BlkioDeviceReadBps: [{ Path: "/dev/null", Rate: 1024 }], BlkioWeight: 300 }),
  );
  assert.deepEqual(blockIO, { weight: 300, throttleReadBpsDevice: [{ major: 1, minor: 3, rate: 1024 }] });
  assert.throws(() => containerResources(parseHostConfig({ BlkioDeviceWriteIOps: [{ Path: "/nope", Rate: 1 }] })), {
    message: "stat /nope: no such file or directory",
  });
});

test("resources: a negative quota is none", () => {
  assert.deepEqual(containerResources(parseHostConfig({ CpuQuota: -1, CpuPeriod: 50_000 })).cpu, { period: 50_000 });
});

test("resources: shares that the kernel would move are refused in the words of Docker's runtime", () => {
  for (const shares of [0, 2, 262_144]) checkShares(parseHostConfig({ CpuShares: shares }));
  assert.throws(() => checkShares(parseHostConfig({ CpuShares: 1 })), {
    message: /: the minimum allowed cpu-shares is 2: unknown$/,
  });
  assert.throws(() => checkShares(parseHostConfig({ CpuShares: 262_145 })), {
    message: /: the maximum allowed cpu-shares is 262144: unknown$/,
  });
});
