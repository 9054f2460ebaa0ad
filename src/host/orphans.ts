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

/** Several ends that come at once are taken at once; and by then what made them has been answered. */
const DELAY_MS = 30;
const AGAIN_MS = 50;
/** Who makes a child in a container that is being paused may wait for long, and there may always be one who makes one. */
const LONGEST_HOLD_MS = 2000;

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
/** Zombies that were left alone, and since when. */
let left: ReadonlyMap<number, number> = new Map();

/**
 * Leaves the ends of unknown children alone until it is disposed of: for who has made one and does not know its number yet.
 * Not for good: one that ended two seconds ago is nobody's.
 */
export function holdOrphans(): Disposable {
  holders += 1;
  return {
    [Symbol.dispose]: () => {
      holders -= 1;
    },
  };
}

function reapSoon(delayMs: number): void {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    reapOrphans();
  }, delayMs).unref();
}

function reapOrphans(): void {
  const now = performance.now();
  const leave = new Map<number, number>();
  for (const pid of children()) {
    if (own.has(pid) || !isZombie(pid)) continue;
    const since = left.get(pid) ?? now;
    if (holders > 0 && now - since < LONGEST_HOLD_MS) leave.set(pid, since);
    else reapProcess(pid);
  }
  left = leave;
  if (leave.size > 0) reapSoon(AGAIN_MS);
}

/**
 * Orphans below this process become its children from now on, and their ends are taken: a process of a container that
 * nobody reaps would keep the end of that container's first process, and its removal, waiting for good.
 */
export function adoptOrphans(): void {
  becomeSubreaper();
  process.on("SIGCHLD", () => reapSoon(DELAY_MS));
}
