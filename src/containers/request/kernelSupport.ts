import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupMode } from "#host";

/** What this kernel's control groups can limit; a request for the rest is dropped with a warning. */
export interface KernelSupport {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly reservation: boolean;
  readonly swappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly pids: boolean;
  readonly cpuShares: boolean;
  readonly cpuQuota: boolean;
  readonly realtime: boolean;
  readonly cpuset: boolean;
  readonly blkioWeight: boolean;
  readonly blkioWeightDevice: boolean;
  readonly blkioThrottle: boolean;
  readonly cgroupNamespaces: boolean;
}

const ROOT = "/sys/fs/cgroup";

/** v1: each limit is a file of its controller's root. `has` answers for paths below the cgroup root. */
export function legacySupport(has: (path: string) => boolean, cgroupNamespaces: boolean): KernelSupport {
  return {
    memory: has("memory/memory.limit_in_bytes"),
    swap: has("memory/memory.memsw.limit_in_bytes"),
    reservation: has("memory/memory.soft_limit_in_bytes"),
    swappiness: has("memory/memory.swappiness"),
    oomKillDisable: has("memory/memory.oom_control"),
    pids: has("pids"),
    cpuShares: has("cpu/cpu.shares"),
    cpuQuota: has("cpu/cpu.cfs_quota_us"),
    realtime: has("cpu/cpu.rt_period_us"),
    cpuset: has("cpuset/cpuset.cpus"),
    blkioWeight: has("blkio/blkio.weight"),
    blkioWeightDevice: has("blkio/blkio.weight_device"),
    blkioThrottle: has("blkio/blkio.throttle.read_bps_device"),
    cgroupNamespaces,
  };
}

/** v2: a controller brings all of its limits; swap accounting can be switched off at boot. */
export function unifiedSupport(controllers: readonly string[], swap: boolean): KernelSupport {
  const [memory, cpu, io] = ["memory", "cpu", "io"].map((name) => controllers.includes(name));
  return {
    memory: memory === true,
    swap: memory === true && swap,
    reservation: memory === true,
    swappiness: false,
    oomKillDisable: false,
    pids: controllers.includes("pids"),
    cpuShares: cpu === true,
    cpuQuota: cpu === true,
    realtime: false,
    cpuset: controllers.includes("cpuset"),
    blkioWeight: io === true,
    blkioWeightDevice: io === true,
    blkioThrottle: io === true,
    cgroupNamespaces: true,
  };
}

function ownUnifiedPath(): string {
  const [, path = "/"] = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8")) ?? [];
  return join(ROOT, path);
}

let known: KernelSupport | undefined;

/** Of this host, read once: what the kernel can do lasts until it boots again. */
export function kernelSupport(): KernelSupport {
  known ??=
    cgroupMode() === "unified"
      ? unifiedSupport(
          readFileSync(join(ROOT, "cgroup.controllers"), "utf8").trim().split(" "),
          existsSync(join(ownUnifiedPath(), "memory.swap.max")) || !existsSync(join(ownUnifiedPath(), "memory.max")),
        )
      : legacySupport((path) => existsSync(join(ROOT, path)), existsSync("/proc/self/ns/cgroup"));
  return known;
}
