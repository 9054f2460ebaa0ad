import { closeSync, readlinkSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { isErrno, openInRoot } from "#host";
import { RUNTIME_PREFIX } from "../runtime/runtimeError.ts";
import type { OciMount } from "../spec/ociSpec.ts";

/** linux/magic.h */
const PROC_SUPER_MAGIC = 0x9fa0;
/** open(2), O_PATH */
const O_PATH = 0o10000000;

/** What may be mounted within /proc, as runc has it: files that tell of resources. */
const HARMLESS: readonly string[] = [
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/net/dev",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
];

/** Where a path of the container leads, the root's symlinks followed; what is not there yet is taken as it is spelt. */
function resolveInRoot(root: string, path: string): string {
  let fd: number;
  try {
    fd = openInRoot(root, path, O_PATH);
  } catch (error) {
    if (!isErrno(error, "ENOENT") || path === "/") return path;
    return posix.join(resolveInRoot(root, posix.dirname(path)), posix.basename(path));
  }
  try {
    const found = readlinkSync(`/proc/self/fd/${fd}`);
    return found === root ? "/" : found.slice(root.length);
  } finally {
    closeSync(fd);
  }
}

async function isProc(source: string): Promise<boolean> {
  try {
    return (await statfs(source)).type === PROC_SUPER_MAGIC;
  } catch {
    return false; // nothing there: no proc
  }
}

/**
 * Refuses mounts over /proc and into it: what protects a container relies on the kernel's files being there, and an image may
 * declare volumes anywhere. crun does not look.
 * @throws in runc's words
 */
export async function checkProcSafety(root: string, mounts: readonly OciMount[]): Promise<void> {
  for (const { source, destination } of mounts) {
    const place = resolveInRoot(root, posix.normalize(destination));
    if (place !== "/proc" && !place.startsWith("/proc/")) continue;
    if (HARMLESS.includes(place) || (place === "/proc" && (await isProc(source)))) continue;
    const why = place === "/proc" ? "it is not of type proc" : "it is inside /proc";
    const what = `error mounting ${JSON.stringify(source)} to rootfs at ${JSON.stringify(destination)}`;
    const step = `create mount destination for ${destination} mount: check proc-safety of ${destination} mount`;
    const refused = `${JSON.stringify(root + place)} cannot be mounted because ${why}`;
    const message = `${RUNTIME_PREFIX}error during container init: ${what}: ${step}: ${refused}: unknown`;
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, message);
  }
}
