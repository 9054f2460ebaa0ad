import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const CGROUP_ROOT = "/sys/fs/cgroup";

/** What `info` says of control groups. */
export interface ControlGroups {
  /** "1" on v1 and hybrid hosts, "2" where the unified hierarchy rules. */
  readonly version: "1" | "2";
  /** `MemoryLimit`, `SwapLimit` …: what containers can be limited in. */
  readonly limits: Readonly<Record<string, boolean>>;
  readonly warnings: readonly string[];
}

const read = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

/** `cgroup.controllers` → names; undefined where v1 rules or the hierarchies are mixed. */
export function parseUnified(text: string): ReadonlySet<string> | undefined {
  const names = text.split(/\s+/).filter((name) => name !== "");
  return names.length === 0 ? undefined : new Set(names);
}

/** `/proc/cgroups` → enabled controllers that have a v1 hierarchy of their own (hierarchy 0 is v2's). */
export function parseLegacy(text: string): ReadonlySet<string> {
  const rows = text.split("\n").map((line) => line.split(/\s+/));
  return new Set(
    rows
      .filter(([name = "", hierarchy, , enabled]) => /^[a-z]/.test(name) && hierarchy !== "0" && enabled === "1")
      .map(([name = ""]) => name),
  );
}

/** What these controllers let `info` say. `swap`: whether the kernel accounts swap to groups. */
export function describeControllers(
  has: ReadonlySet<string>,
  { unified, swap }: { readonly unified: boolean; readonly swap: boolean },
): ControlGroups {
  const cpu = has.has("cpu");
  const memory = has.has("memory");
  const limits = {
    MemoryLimit: memory,
    SwapLimit: memory && swap,
    KernelMemoryTCP: memory && !unified,
    CpuCfsPeriod: cpu,
    CpuCfsQuota: cpu,
    CPUShares: cpu,
    CPUSet: has.has("cpuset"),
    PidsLimit: has.has("pids"),
    OomKillDisable: memory && !unified,
  };
  const wanted = [
    [memory, "No memory limit support"],
    [limits.SwapLimit, "No swap limit support"],
    [cpu, "No cpu shares support"],
    [limits.CPUSet, "No cpuset support"],
    [limits.PidsLimit, "No pids limit support"],
  ] as const;
  return {
    version: unified ? "2" : "1",
    limits,
    warnings: wanted.filter(([there]) => !there).map(([, text]) => `WARNING: ${text}`),
  };
}

/** The v2 root has no files of limits: any child group shows whether swap is among them. */
async function accountsSwap(unified: boolean): Promise<boolean> {
  if (!unified) return existsSync("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
  const groups = await readdir(CGROUP_ROOT, { withFileTypes: true }).catch(() => []);
  const names = groups.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const withMemory = names.filter((name) => existsSync(join(CGROUP_ROOT, name, "memory.max")));
  return withMemory.length === 0 || withMemory.some((name) => existsSync(join(CGROUP_ROOT, name, "memory.swap.max")));
}

/** @see cgroups(7); the keys are those of docker-engine-api v1.56, SystemInfo */
export async function readControlGroups(): Promise<ControlGroups> {
  const unified = parseUnified(await read(join(CGROUP_ROOT, "cgroup.controllers")));
  const has = unified ?? parseLegacy(await read("/proc/cgroups"));
  return describeControllers(has, {
    unified: unified !== undefined,
    swap: await accountsSwap(unified !== undefined),
  });
}
