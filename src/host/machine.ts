import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { fromNodeError } from "./syscallError.ts";

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fromNodeError(error);
  }
}

/** True when the kernel lists the filesystem type in /proc/filesystems. A module that was never loaded is not listed; see {@link hasModule}. */
export async function hasFilesystem(type: string): Promise<boolean> {
  return (await read("/proc/filesystems")).split("\n").some((line) => line.split("\t").at(-1) === type);
}

/** True when the filesystem's module is on disk for the running kernel: mount(2) loads it by itself. */
export async function hasModule(name: string, release: string): Promise<boolean> {
  const list = `/lib/modules/${release}/modules.dep`;
  if (!existsSync(list)) return false;
  return (await read(list)).split("\n").some((line) => new RegExp(`/${name}\\.ko[^/]*:`).test(line));
}

/** Changes with every boot: what was written under another one may not have reached the disk. */
export async function bootId(): Promise<string> {
  return (await read("/proc/sys/kernel/random/boot_id")).trim();
}

/** What `info` says of the machine. */
export interface Machine {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** PRETTY_NAME of os-release(5), `Linux` if there is none. */
  readonly operatingSystem: string;
  /** VERSION_ID of os-release(5), empty if there is none. */
  readonly operatingSystemVersion: string;
}

/** The text of an os-release file → its keys, quotes undone. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(.*))$/.exec(line.trim());
    const value = match?.[2]?.replace(/\\(.)/g, "$1") ?? match?.[3] ?? match?.[4];
    if (match?.[1] !== undefined && value !== undefined) keys.set(match[1], value);
  }
  return keys;
}

/** Facts of the machine; CPUs are those that this process may use. */
export async function readMachine(): Promise<Machine> {
  const path = ["/etc/os-release", "/usr/lib/os-release"].find((candidate) => existsSync(candidate));
  const release = parseOsRelease(path === undefined ? "" : await read(path));
  return {
    memoryBytes: totalmem(),
    cpus: availableParallelism(),
    operatingSystem: release.get("PRETTY_NAME") ?? "Linux",
    operatingSystemVersion: release.get("VERSION_ID") ?? "",
  };
}
