import { readFile } from "node:fs/promises";

/** What `info` says of control groups. */
export interface ControlGroups {
  /** "1" on v1 and hybrid hosts, "2" where the unified hierarchy rules. */
  readonly version: "1" | "2";
  /** `MemoryLimit`, `SwapLimit` …: what containers can be limited in. */
  readonly limits: Readonly<Record<string, boolean>>;
  readonly warnings: readonly string[];
}

async function lines(path: string): Promise<readonly string[]> {
  return (await readFile(path, "utf8").catch(() => "")).trim().split(/\s*\n\s*/);
}

async function unifiedControllers(): Promise<ReadonlySet<string> | undefined> {
  const [list] = await lines("/sys/fs/cgroup/cgroup.controllers");
  return list === undefined || list === "" ? undefined : new Set(list.split(" "));
}

/** Enabled v1 controllers: /proc/cgroups, column `enabled`, with a hierarchy of their own. */
async function legacyControllers(): Promise<ReadonlySet<string>> {
  const rows = (await lines("/proc/cgroups")).filter((line) => !line.startsWith("#")).map((line) => line.split(/\s+/));
  return new Set(
    rows.filter(([, hierarchy, , enabled]) => hierarchy !== "0" && enabled === "1").map(([name = ""]) => name),
  );
}

/** @see cgroups(7); the keys are those of docker-engine-api v1.56, SystemInfo */
export async function readControlGroups(): Promise<ControlGroups> {
  const unified = await unifiedControllers();
  const has = unified ?? (await legacyControllers());
  const cpu = has.has("cpu");
  const memory = has.has("memory");
  const limits = {
    MemoryLimit: memory,
    SwapLimit: memory,
    KernelMemoryTCP: memory && unified === undefined,
    CpuCfsPeriod: cpu,
    CpuCfsQuota: cpu,
    CPUShares: cpu,
    CPUSet: has.has("cpuset"),
    PidsLimit: has.has("pids"),
    OomKillDisable: memory && unified === undefined,
  };
  const missing = [
    [memory, "No memory limit support"],
    [cpu, "No cpu shares support"],
    [limits.CPUSet, "No cpuset support"],
    [limits.PidsLimit, "No pids limit support"],
  ] as const;
  return {
    version: unified === undefined ? "1" : "2",
    limits,
    warnings: missing.filter(([there]) => !there).map(([, text]) => `WARNING: ${text}`),
  };
}
