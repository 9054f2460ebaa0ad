import { readFileSync } from "node:fs";
import { becomeSubreaper, isZombie, reapProcess } from "./processes.ts";

/** Children that Node started and takes the end of. */
const own = new Set<number>();

/** Says that a child is Node's to reap. */
export function ownChild(pid: number): void {
  own.add(pid);
}

/** Says that Node has reaped it: its number may be another's soon. */
export function disownChild(pid: number): void {
  own.delete(pid);
}

/** Several ends that come at once are taken at once. */
const DELAY_MS = 10;

function children(): readonly number[] {
  try {
    // The kernel gives orphans to the main thread.
    const text = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return []; // a kernel without CONFIG_PROC_CHILDREN: zombies stay until this process ends
  }
}

function reapOrphans(): void {
  for (const pid of children()) {
    if (!own.has(pid) && isZombie(pid)) reapProcess(pid);
  }
}

/**
 * Orphans below this process become its children from now on, and their ends are taken: a process of a container that
 * nobody reaps would keep the end of that container's first process, and its removal, waiting for good.
 */
export function adoptOrphans(): void {
  becomeSubreaper();
  let isDue = false;
  process.on("SIGCHLD", () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      reapOrphans();
    }, DELAY_MS).unref();
  });
}
