import type { HostConfig } from "../request/hostConfig.ts";
import type { OciDeviceRule, OciResources } from "./ociSpec.ts";

const allow = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: "c",
  major,
  minor,
  access: "rwm",
});

/** null, zero, full, random, urandom, tty, console; not fuse. The runtime adds ptys and mknod. */
const DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  allow(1, 5),
  allow(1, 3),
  allow(1, 9),
  allow(1, 8),
  allow(5, 0),
  allow(5, 1),
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

function cpu(hostConfig: HostConfig): NonNullable<OciResources["cpu"]> {
  const { NanoCpus, CpuShares, CpuQuota, CpuPeriod, CpusetCpus, CpusetMems } = hostConfig;
  const quota = NanoCpus > 0 ? Math.trunc((NanoCpus * CPU_PERIOD_MICROS) / NANOS_PER_CPU) : CpuQuota;
  const period = NanoCpus > 0 ? CPU_PERIOD_MICROS : CpuPeriod;
  return {
    ...given<"shares" | "quota" | "period", number>({ shares: CpuShares, quota, period }),
    ...given<"cpus" | "mems", string>({ cpus: CpusetCpus, mems: CpusetMems }),
  };
}

export function containerResources(hostConfig: HostConfig): OciResources {
  const { Privileged, Memory, MemoryReservation, MemorySwap, PidsLimit } = hostConfig;
  const memory = given<"limit" | "reservation" | "swap", number>({
    limit: Memory,
    reservation: MemoryReservation,
    swap: MemorySwap,
  });
  const processor = cpu(hostConfig);
  return {
    devices: Privileged ? [{ allow: true, access: "rwm" }] : DEVICE_RULES,
    ...(Object.keys(memory).length === 0 ? {} : { memory }),
    ...(Object.keys(processor).length === 0 ? {} : { cpu: processor }),
    ...(PidsLimit === null ? {} : { pids: { limit: PidsLimit } }),
  };
}
