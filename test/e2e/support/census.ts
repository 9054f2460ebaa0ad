/** What a daemon holds on its host, in numbers: taken before and after, they tell of leaks. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { mountsBelow } from "./daemon.ts";
import type { TestDaemon } from "./daemon.ts";
import { run } from "./process.ts";

export interface Census {
  readonly descriptors: number;
  /** Children that live or were not taken: conmons are children, too, until they are on their own. */
  readonly children: number;
  readonly conmons: number;
  readonly mounts: number;
  /** In every hierarchy. */
  readonly cgroups: number;
  readonly namespaces: number;
  /** Ports of the daemon's bridges. */
  readonly hostInterfaces: number;
  /** Lines of the daemon's table. */
  readonly packetFilter: number;
  /** Everything below the exec root. */
  readonly runtimeFiles: number;
  /** Of all containers, below the data root. */
  readonly containerFiles: number;
}

function entriesBelow(folder: string): number {
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0;
}

function conmonsOf(execRoot: string): number {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return words.includes(execRoot) && words.includes("conmon");
    } catch {
      return false; // it has just ended
    }
  }).length;
}

function cgroupsBelow(parent: string): number {
  const root = "/sys/fs/cgroup";
  const hierarchies = existsSync(join(root, "cgroup.controllers"))
    ? [root]
    : readdirSync(root).map((name) => join(root, name));
  return hierarchies.reduce((sum, hierarchy) => {
    const folder = join(hierarchy, parent);
    if (!existsSync(folder)) return sum;
    const below = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return sum + below.filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory()).length;
  }, 0);
}

function childrenOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const lists = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim());
  return lists.join(" ").split(" ").filter(Boolean).length;
}

/** Containers of the census have `cgroupParent`, so that those of other daemons do not count. */
export async function takeCensus(daemon: TestDaemon, cgroupParent: string): Promise<Census> {
  const { pid, execRoot, dataRoot } = daemon;
  const table = `varve_${createHash("sha256").update(dataRoot).digest("hex").slice(0, 8)}`;
  const { stdout: rules } = await run("nft", ["list", "table", "inet", table]);
  const { stdout: bridges } = await run("nft", ["list", "set", "inet", table, "bridges"]);
  const ports = [...bridges.matchAll(/"([^"]+)"/g)].map(([, bridge = ""]) => `/sys/class/net/${bridge}/brif`);
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    children: childrenOf(pid),
    conmons: conmonsOf(execRoot),
    mounts: mountsBelow(execRoot).length + mountsBelow(dataRoot).length,
    cgroups: cgroupsBelow(cgroupParent),
    namespaces: entriesBelow(join(execRoot, "netns")),
    hostInterfaces: ports.reduce((sum, folder) => sum + (existsSync(folder) ? readdirSync(folder).length : 0), 0),
    packetFilter: rules.split("\n").length,
    runtimeFiles: entriesBelow(execRoot),
    containerFiles: entriesBelow(join(dataRoot, "containers")),
  };
}
