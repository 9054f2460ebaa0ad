/** A mount that the runtime could not make: crun's words in, runc's out, which are those that clients know. */
import { lstatSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import type { OciMount } from "../spec/ociSpec.ts";

/** What was to be mounted, and where. */
export interface MountsOfStart {
  readonly rootfs: string;
  readonly mounts: readonly OciMount[];
}

/** What clients read, and the exit code that the container gets. */
export interface ToldFailure {
  readonly text: string;
  readonly exitCode: 127 | 128;
}

const WRONG_KIND =
  "Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/** linux/mount.h; words that say no more than that a flag is not there are 0. */
const FLAGS: Readonly<Record<string, number>> = {
  ro: 0x1,
  rro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  remount: 0x20,
  mand: 0x40,
  dirsync: 0x80,
  noatime: 0x400,
  nodiratime: 0x800,
  bind: 0x1000,
  rbind: 0x5000,
  relatime: 0x200000,
  strictatime: 0x1000000,
};

/** As runc gives them to mount(2): a tmpfs becomes read-only only later. */
function flagsOf({ type, options }: OciMount): string {
  const words = type === "tmpfs" ? options.filter((word) => word !== "ro") : options;
  const flags = words.reduce((all, word) => all | (FLAGS[word] ?? 0), 0);
  return flags === 0 ? "" : `, flags: 0x${flags.toString(16)}`;
}

function dataOf({ options }: OciMount): string {
  const data = options.filter((word) => word.includes("=")).join(",");
  return data === "" ? "" : `, data: ${data}`;
}

/** runc mounts through a descriptor of the place, which it opens as its seventh file. */
const PLACE = "(via /proc/self/fd/6)";

function told(step: string, source: string, target: string, why: string): ToldFailure {
  const what = `error mounting ${JSON.stringify(source)} to rootfs at ${JSON.stringify(target)}`;
  const text = `error during container init: ${what}: ${step}: ${why.toLowerCase()}: unknown`;
  if (why === "Not a directory") return { text: `${text}: ${WRONG_KIND}`, exitCode: 127 };
  return { text, exitCode: why === "No such file or directory" ? 127 : 128 };
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false; // nothing, or something above is no directory
  }
}

/** The nearest thing at or above a path that is there. */
function nearest(rootfs: string, path: string): string {
  if (path === "/" || isThere(join(rootfs, path))) return path;
  return nearest(rootfs, posix.dirname(path));
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // gone meanwhile, or not for us to see
  }
}

/** A directory was to be made where, or below what, is none. */
function noPlace({ rootfs }: MountsOfStart, source: string, target: string): ToldFailure {
  const at = join(rootfs, nearest(rootfs, target));
  return told(`create mount destination for ${target} mount: cannot mkdir in ${at}`, source, target, "Not a directory");
}

/** `mount \`SOURCE\` to \`PLACE\`: WHY`, `mkdir \`PLACE\`: WHY`; undefined for any other words. */
export function mountFailure(said: string, start: MountsOfStart): ToldFailure | undefined {
  const [, made = ""] = /^mkdir `(.*)`: Not a directory$/s.exec(said) ?? [];
  const [, given = "", place = "", why = ""] = /^mount `(.*)` to `(.*)`: (.+)$/s.exec(said) ?? [];
  if (made === "" && why === "") return undefined;
  const target = posix.join("/", made === "" ? place : made);
  const mount = start.mounts.find(({ destination }) => posix.normalize(destination) === target);
  if (made !== "") return mount === undefined ? undefined : noPlace(start, mount.source, target);
  if (mount === undefined) return told(`mount ${given}:${target}`, given, target, why);
  const { source } = mount;
  if (mount.type === "bind" && why === "Not a directory" && isDirectory(source)) return noPlace(start, source, target);
  const step = `mount ${source}:${target} ${PLACE}${flagsOf(mount)}${dataOf(mount)}`;
  return told(step, source, target, why);
}
