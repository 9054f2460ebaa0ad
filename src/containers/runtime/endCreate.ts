import { readdirSync, readFileSync } from "node:fs";

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim();
      return text === "" ? [] : text.split(" ").map(Number);
    });
  } catch {
    return []; // it has just ended
  }
}

/** A process and all below it, the lowest last. */
function familyOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function pidIn(file: string): readonly number[] {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return pid > 1 ? [pid] : [];
  } catch {
    return []; // not written yet
  }
}

/**
 * Kills a create that does not come to its end: the half of conmon that we started, the monitor, the runtime below it and
 * what that has begun. conmon's report ends by it.
 */
export function endCreate(starter: number, monitorPidFile: string): void {
  // From below, or the orphans would have to be looked for.
  for (const pid of [starter, ...pidIn(monitorPidFile)].flatMap(familyOf).reverse()) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it has just ended
    }
  }
}
