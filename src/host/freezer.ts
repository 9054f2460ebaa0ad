import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, ErrorCode } from "#errors";
import { fromNodeError } from "./syscallError.ts";

const ROOT = "/sys/fs/cgroup";
/** A process in an uninterruptible call freezes only when that returns. */
const ATTEMPTS = 500;
const PAUSE_MS = 10;

/** The file that stops a cgroup, what to write, and how a stopped one reads (cgroup-v1/freezer-subsystem.rst, cgroup-v2.rst). */
interface Freezer {
  readonly control: string;
  readonly values: { readonly frozen: string; readonly thawed: string };
  readonly state: string;
  readonly isFrozen: (text: string) => boolean;
}

function freezerOf(path: string, root: string): Freezer {
  const v1 = join(root, "freezer");
  if (existsSync(v1)) {
    const control = join(v1, path, "freezer.state");
    const isFrozen = (text: string): boolean => text.trim() === "FROZEN";
    return { control, values: { frozen: "FROZEN", thawed: "THAWED" }, state: control, isFrozen };
  }
  const folder = join(root, path);
  return {
    control: join(folder, "cgroup.freeze"),
    values: { frozen: "1", thawed: "0" },
    state: join(folder, "cgroup.events"),
    isFrozen: (text) => /^frozen 1$/m.test(text),
  };
}

/**
 * Stops every process of a cgroup (`/varve/<id>`), or lets them go on; resolves when the kernel says that it is so.
 * @throws {unavailable} when they do not stop within 5 s: they are then let go on; {not_found} when there is no such cgroup
 */
export async function freezeCgroup(path: string, frozen: boolean, root: string = ROOT): Promise<void> {
  const { control, values, state, isFrozen } = freezerOf(path, root);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // Writing again is what moves a v1 cgroup on that hangs in FREEZING.
      await writeFile(control, frozen ? values.frozen : values.thawed, { flag: "r+" });
      if (isFrozen(await readFile(state, "utf8")) === frozen) return;
      await sleep(attempt < 10 ? 1 : PAUSE_MS);
    }
    if (frozen) await writeFile(control, values.thawed, { flag: "r+" });
  } catch (error) {
    throw fromNodeError(error);
  }
  const message = `the processes of cgroup ${path} did not ${frozen ? "stop" : "go on"} in time`;
  throw new EngineError("unavailable", ErrorCode.SYSCALL, message);
}
