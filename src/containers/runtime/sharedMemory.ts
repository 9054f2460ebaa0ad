import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { mountByName, unmount } from "#host";
import type { HostConfig } from "../request/hostConfig.ts";

/**
 * Mounts the /dev/shm of a container that lets others join its IPC namespace. Resolves with its path; undefined for one that
 * lets nobody.
 */
export async function openSharedMemory(
  path: string,
  { IpcMode, ShmSize }: Pick<HostConfig, "IpcMode" | "ShmSize">,
): Promise<string | undefined> {
  if (IpcMode !== "shareable") return undefined;
  await closeSharedMemory(path); // of a run that a killed daemon did not clear
  mkdirSync(path, { recursive: true, mode: 0o700 });
  await mountByName({
    type: "tmpfs",
    source: "shm",
    target: path,
    options: `nosuid,noexec,nodev,mode=1777,size=${ShmSize}`,
  });
  return path;
}

/** Idempotent; containers that joined keep what they have mounted. */
export async function closeSharedMemory(path: string): Promise<void> {
  if (!existsSync(path)) return;
  await unmount(path, { lazy: true });
  rmdirSync(path);
}
