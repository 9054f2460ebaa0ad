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

let holders = 0;
let isDue = false;

/**
 * Leaves the ends of unknown children alone until it is disposed of: for who has made one and does not know its number yet.
 */
export function holdOrphans(): Disposable {
  holders += 1;
  return {
    [Symbol.dispose]: () => {
      holders -= 1;
      if (holders === 0 && isDue) schedule();
    },
  };
}

function schedule(): void {
  setTimeout(() => {
    if (holders > 0) return; // whoever holds them comes back
    isDue = false;
    reapOrphans();
  }, DELAY_MS).unref();
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
  process.on("SIGCHLD", () => {
    if (isDue) return;
    isDue = true;
    schedule();
  });
}
