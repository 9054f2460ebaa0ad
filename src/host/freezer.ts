import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, ErrorCode } from "#errors";
import { cgroupMode } from "./cgroups.ts";

const ROOT = "/sys/fs/cgroup";
/** Tasks in uninterruptible sleep freeze when they wake up. */
const ATTEMPTS = 200;
const PAUSE_MS = 10;

/**
 * Stops every process of a cgroup (`/varve/<id>`) where it is, or lets them go on; resolves when that is so.
 * @see Linux, Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst, cgroup.freeze
 */
export async function setFrozen(cgroup: string, frozen: boolean): Promise<void> {
  const unified = cgroupMode() === "unified";
  const control = unified ? join(ROOT, cgroup, "cgroup.freeze") : join(ROOT, "freezer", cgroup, "freezer.state");
  const words = unified ? (["0", "1"] as const) : (["THAWED", "FROZEN"] as const);
  const wanted = words[frozen ? 1 : 0];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    await writeFile(control, wanted);
    if (await isReached({ cgroup, control, wanted, unified, frozen })) return;
    await sleep(PAUSE_MS);
  }
  throw new EngineError("internal", ErrorCode.SYSCALL, `cgroup ${cgroup} does not become ${wanted}`);
}

async function isReached(state: {
  readonly cgroup: string;
  readonly control: string;
  readonly wanted: string;
  readonly unified: boolean;
  readonly frozen: boolean;
}): Promise<boolean> {
  if (!state.unified) return (await readFile(state.control, "latin1")).trim() === state.wanted;
  const events = join(ROOT, state.cgroup, "cgroup.events");
  if (!existsSync(events)) return true;
  return (await readFile(events, "latin1")).includes(`frozen ${state.frozen ? 1 : 0}`);
}
