import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hurryGracePeriods } from "./gracePeriods.ts";
import { mount } from "./mounts.ts";
import { isErrno } from "./syscallError.ts";

const ROOT = "/sys/fs/cgroup";

/** How this host mounts control groups: v1 hierarchies, v1 with a v2 tree beside them, or v2 alone. */
export type CgroupMode = "legacy" | "hybrid" | "unified";

export function cgroupMode(): CgroupMode {
  if (existsSync(join(ROOT, "cgroup.controllers"))) return "unified";
  return existsSync(join(ROOT, "unified/cgroup.controllers")) ? "hybrid" : "legacy";
}

/** Controllers that a hybrid host leaves to its v2 tree, e.g. `hugetlb`; crun refuses to run while there are any. */
async function leftoverControllers(): Promise<readonly string[]> {
  if (cgroupMode() !== "hybrid") return [];
  const text = (await readFile(join(ROOT, "unified/cgroup.controllers"), "utf8")).trim();
  return text === "" ? [] : text.split(" ");
}

/**
 * Mounts every controller that a hybrid host left to v2 as a v1 hierarchy, as cgroupfs-mount does. Idempotent; returns
 * what was mounted. @throws {conflict} when a controller has children in the v2 tree.
 */
export async function mountLeftoverControllers(): Promise<readonly string[]> {
  const names = await leftoverControllers();
  for (const name of names) {
    const target = join(ROOT, name);
    await mkdir(target, { recursive: true });
    mount({ source: name, target, type: "cgroup", options: name });
  }
  return names;
}

/** A cgroup.procs file of the cgroup that this process is in. */
function ownProcs(): string | undefined {
  const [line] = readFileSync("/proc/self/cgroup", "utf8")
    .split("\n")
    .filter((text) => /^\d+:(?:|memory|pids):/.test(text));
  const [, controller = "", path = "/"] = line?.split(":") ?? [];
  if (line === undefined) return undefined;
  return join(ROOT, controller === "" && cgroupMode() === "hybrid" ? "unified" : controller, path, "cgroup.procs");
}

let procs: string | undefined;

let warming: Promise<void> | undefined;

/**
 * Ends the wait that the next container start would have: the first move of a process between cgroups after ~10 ms
 * of rest waits for one or two RCU grace periods (7.6-21 ms measured on Linux 6.18, 2 cores). Moving ourselves to where we
 * are starts that period early; call it as soon as a start is foreseeable, and again until then: a warm write costs 0.1 ms.
 * Nobody else waits for it, forks go on meanwhile. Never fails; calls under way are joined.
 */
export function warmCgroups(): Promise<void> {
  warming ??= moveNowhere().finally(() => (warming = undefined));
  return warming;
}

async function moveNowhere(): Promise<void> {
  using _ = hurryGracePeriods();
  try {
    procs ??= ownProcs();
    if (procs !== undefined) await writeFile(procs, String(process.pid));
  } catch {
    procs = undefined; // Only speed is lost: a read-only or moved cgroup tree.
  }
}

/** Within this the kernel does not come to rest. */
const WARM_EVERY_MS = 3;
let warmUntil = 0;
let isKept = false;

/**
 * Keeps away that wait for so long, for starts that follow each other: without, each of them is a first one. Measured with
 * `crun run true` every 50 ms on Linux 6.18 with 2 busy cores: 27 ms, kept warm 12. Each write takes the kernel 10 µs.
 */
export function keepCgroupsWarm(forMs: number): void {
  warmUntil = Math.max(warmUntil, performance.now() + forMs);
  if (isKept) return;
  isKept = true;
  void writeAgain();
}

async function writeAgain(): Promise<void> {
  while (performance.now() < warmUntil) {
    await warmCgroups();
    await sleep(WARM_EVERY_MS, undefined, { ref: false });
  }
  isKept = false;
}

/** Every directory that a cgroup path has: one on v2, one in each hierarchy else. */
function directoriesOf(path: string): readonly string[] {
  if (cgroupMode() === "unified") return [join(ROOT, path)];
  return readdirSync(ROOT).map((hierarchy) => join(ROOT, hierarchy, path));
}

/** How a single thread joins a cgroup without the wait that moving a whole process has (see `warmCgroups`). */
export interface CgroupDoors {
  /** Where a new process can be made: the directory of the v2 tree; absent: there is none. */
  readonly born?: string;
  /** Files that take a thread which writes "0"; one that is missing belongs to a hierarchy that the cgroup is not in. */
  readonly tasks: readonly string[];
}

let hierarchies: { readonly mode: CgroupMode; readonly names: readonly string[] } | undefined;

/** Read once: a host's hierarchies are mounted when it boots, those that it left out before the first container starts. */
function findHierarchies(): NonNullable<typeof hierarchies> {
  const mode = cgroupMode();
  if (mode === "unified") return { mode, names: [] };
  // Links (`cpu` for `cpu,cpuacct`) name what has a directory of its own.
  const directories = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return { mode, names: directories.map(({ name }) => name).filter((name) => name !== "unified") };
}

export function cgroupDoors(path: string): CgroupDoors {
  hierarchies ??= findHierarchies();
  const { mode, names } = hierarchies;
  const tasks = names.map((name) => join(ROOT, name, path, "tasks"));
  if (mode === "legacy") return { tasks };
  return { born: join(ROOT, mode === "hybrid" ? "unified" : "", path), tasks };
}

/** Removes an empty cgroup (`/varve/<id>`) from all hierarchies; false when something still lives in it. Idempotent. */
export function removeCgroup(path: string): boolean {
  let gone = true;
  for (const directory of directoriesOf(path)) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) gone = false;
    }
  }
  return gone;
}

/** Lets a cgroup have as much processor time, or as many processes, as there are. */
export async function liftCgroupLimit(path: string, controller: "cpu" | "pids"): Promise<void> {
  const unified = cgroupMode() === "unified";
  const [file, value] =
    controller === "pids"
      ? (["pids.max", "max"] as const)
      : unified
        ? (["cpu.max", "max"] as const)
        : (["cpu.cfs_quota_us", "-1"] as const);
  await writeFile(join(ROOT, unified ? "" : controller, path, file), value);
}
