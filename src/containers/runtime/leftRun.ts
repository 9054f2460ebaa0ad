import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { waitForProcess } from "#host";

import type { Runtime } from "./chooseRuntime.ts";
import { forceDelete, identify, isAlive } from "./monitor.ts";
import type { ContainerPaths, Layout } from "./paths.ts";

/** The process of a pid file, if it still is a monitor of this container: pids are used again. */
function findMonitor(id: string, pidFile: string): ReturnType<typeof identify> | undefined {
  try {
    const identity = identify(Number(readFileSync(pidFile, "utf8")));
    const command = readFileSync(`/proc/${identity.pid}/cmdline`, "latin1").split("\0");
    return isAlive(identity) && command.includes(id) ? identity : undefined;
  } catch {
    return undefined; // no such file or no such process
  }
}

/**
 * Ends and takes away a run that no record knows: the daemon died between the start and its record, or between the end
 * and the clearing. Does nothing without a bundle. Idempotent.
 */
export async function clearLeftRun(
  id: string,
  paths: ContainerPaths,
  call: { readonly layout: Layout; readonly runtime: Runtime },
): Promise<void> {
  if (!existsSync(paths.bundle)) return;
  const monitor = findMonitor(id, paths.monitorPidFile);
  if (monitor !== undefined) {
    // First: it would write an exit code of a run that nobody asks for.
    process.kill(monitor.pid, "SIGKILL");
    await waitForProcess(monitor.pid);
  }
  await forceDelete(id, call.layout, call.runtime);
  await rm(paths.bundle, { recursive: true, force: true });
  await rm(paths.exitFile, { force: true });
}
