import { statSync } from "node:fs";
import { cgroupMode } from "#host";
import { EngineError, ErrorCode } from "#errors";
import type { ThrottleDevice } from "../request/deviceRequest.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import { RUNC_FAILED } from "./runtimeWords.ts";
import { splitDeviceNumber } from "./hostDevices.ts";
import type { OciBlockIo, OciDeviceRule, OciResources, OciThrottle } from "./ociSpec.ts";

const allow = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: "c",
  major,
  minor,
  access: "rwm",
});

/** null, zero, full, random, urandom, tty, console, net/tun (as runc); not fuse. The runtime adds ptys and mknod. */
const DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  allow(1, 5),
  allow(1, 3),
  allow(1, 9),
  allow(1, 8),
  allow(5, 0),
  allow(5, 1),
  allow(10, 200),
  { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
];

const CPU_PERIOD_MICROS = 100_000;
const NANOS_PER_CPU = 1e9;

/** Only what was asked for: an absent key leaves the kernel's own value. */
function given<K extends string, V>(entries: Readonly<Record<K, V | 0 | "">>): Partial<Record<K, V>> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== 0 && value !== "")) as Partial<
    Record<K, V>
  >;
}

/** -1, "as much as you like", is what a group has by itself. */
const positive = (limit: number): number => Math.max(0, limit);

type Cpu = NonNullable<OciResources["cpu"]>;

function cpu(hostConfig: HostConfig): Cpu {
  const { NanoCpus, CpuShares, CpuQuota, CpuPeriod, CpusetCpus, CpusetMems } = hostConfig;
  const quota = NanoCpus > 0 ? Math.trunc((NanoCpus * CPU_PERIOD_MICROS) / NANOS_PER_CPU) : CpuQuota;
  const period = NanoCpus > 0 ? CPU_PERIOD_MICROS : CpuPeriod;
  if (CpuShares < 0) throw new EngineError("internal", ErrorCode.BAD_REQUEST, "shares: invalid argument");
  return {
    ...given<"shares" | "quota" | "period" | "realtimePeriod" | "realtimeRuntime", number>({
      shares: CpuShares,
      quota: positive(quota),
      period,
      realtimePeriod: hostConfig.CpuRealtimePeriod,
      realtimeRuntime: hostConfig.CpuRealtimeRuntime,
    }),
    ...given<"cpus" | "mems", string>({ cpus: CpusetCpus, mems: CpusetMems }),
  };
}

function memory(hostConfig: HostConfig): NonNullable<OciResources["memory"]> {
  const { Memory, MemoryReservation, MemorySwap, MemorySwappiness, OomKillDisable } = hostConfig;
  return {
    ...given<"limit" | "reservation" | "swap", number>({
      limit: positive(Memory),
      reservation: positive(MemoryReservation),
      swap: positive(MemorySwap),
    }),
    ...(MemorySwappiness === null ? {} : { swappiness: MemorySwappiness }),
    ...(OomKillDisable ? { disableOOMKiller: true } : {}),
  };
}

function numbersOf(path: string): { readonly major: number; readonly minor: number } {
  try {
    return splitDeviceNumber(statSync(path).rdev);
  } catch {
    throw new EngineError("internal", ErrorCode.BAD_REQUEST, `stat ${path}: no such file or directory`);
  }
}

function throttles(devices: readonly ThrottleDevice[]): readonly OciThrottle[] {
  return devices.map(({ Path, Rate }) => ({ ...numbersOf(Path), rate: Rate }));
}

function blockIo(hostConfig: HostConfig): OciBlockIo {
  const lists = {
    throttleReadBpsDevice: throttles(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(hostConfig.BlkioDeviceWriteIOps),
    weightDevice: hostConfig.BlkioWeightDevice.map(({ Path, Weight }) => ({ ...numbersOf(Path), weight: Weight })),
  };
  return {
    ...(hostConfig.BlkioWeight === 0 ? {} : { weight: hostConfig.BlkioWeight }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
  };
}

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** What Docker's runtime says of shares for which the kernel would take the nearest value. */
export function cpuSharesFault(shares: number): string | undefined {
  if (shares <= 0 || (shares >= MIN_SHARES && shares <= MAX_SHARES)) return undefined;
  return shares < MIN_SHARES
    ? `the minimum allowed cpu-shares is ${MIN_SHARES}`
    : `the maximum allowed cpu-shares is ${MAX_SHARES}`;
}

/** @throws {internal} in the words of Docker's runtime */
export function checkShares({ CpuShares }: HostConfig): void {
  const fault = cpuSharesFault(CpuShares);
  if (fault === undefined) return;
  const where = `${RUNC_FAILED}unable to start container process: error during container init: `;
  const message = `${where}error setting cgroup config for procHooks process: ${fault}: unknown`;
  throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, message);
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

/** What v2 has no words for: the kernel would refuse the whole group. */
function forMode(resources: OciResources, mode: ReturnType<typeof cgroupMode>): OciResources {
  if (mode !== "unified" || resources.memory === undefined) return resources;
  const { swappiness: _swappiness, disableOOMKiller: _disable, ...rest } = resources.memory;
  return { ...resources, memory: rest };
}

/**
 * Limits of a container's cgroup; `devices` are rules beside the fixed ones.
 * @throws {internal} in Docker's words for a device that is not there
 */
export function containerResources(
  hostConfig: HostConfig,
  devices: readonly OciDeviceRule[] = [],
  mode: ReturnType<typeof cgroupMode> = cgroupMode(),
): OciResources {
  const [ram, processor, block] = [memory(hostConfig), cpu(hostConfig), blockIo(hostConfig)];
  const resources: OciResources = {
    devices: hostConfig.Privileged ? [{ allow: true, access: "rwm" }] : [...DEVICE_RULES, ...devices],
    ...(isEmpty(ram) ? {} : { memory: ram }),
    ...(isEmpty(processor) ? {} : { cpu: processor }),
    ...(isEmpty(block) ? {} : { blockIO: block }),
    ...(hostConfig.PidsLimit === null || hostConfig.PidsLimit === 0 ? {} : { pids: { limit: hostConfig.PidsLimit } }),
  };
  return forMode(resources, mode);
}
