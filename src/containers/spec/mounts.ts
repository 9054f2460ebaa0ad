import { posix } from "node:path";
import type { EtcFiles } from "../rootfs/etcFiles.ts";
import { parseSecurityOptions } from "../request/securityOptions.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import type { OciMount } from "./ociSpec.ts";

const mount = (destination: string, type: string, source: string, ...options: string[]): OciMount => ({
  destination,
  type,
  source,
  options,
});

function sharedMemory({ IpcMode, ShmSize }: HostConfig, shared: string | undefined): readonly OciMount[] {
  if (shared !== undefined) return [mount("/dev/shm", "bind", shared, "rbind", "rprivate")];
  if (IpcMode === "none") return [];
  if (IpcMode === "host") return [mount("/dev/shm", "bind", "/dev/shm", "rbind", "rprivate")];
  return [mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", `size=${ShmSize}`)];
}

function etcBinds(files: EtcFiles, readonly: boolean): readonly OciMount[] {
  const options = readonly ? ["rbind", "ro", "rprivate"] : ["rbind", "rprivate"];
  return [
    mount("/etc/resolv.conf", "bind", files.resolvConf, ...options),
    mount("/etc/hostname", "bind", files.hostname, ...options),
    mount("/etc/hosts", "bind", files.hosts, ...options),
  ];
}

/** Where `--init` finds its program within the container. */
export const INIT_PATH = "/sbin/docker-init";

const PTY_OPTIONS = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] as const;

/** What is mounted above something must come first. */
function byDepth(mounts: readonly OciMount[]): readonly OciMount[] {
  const depth = ({ destination }: OciMount): number => posix.normalize(destination).split("/").length;
  return mounts.toSorted((a, b) => depth(a) - depth(b));
}

/**
 * Every mount of a container beside its root, in Docker's order: the fixed ones, then by depth. What the container was
 * created with takes the place of ours, and with /dev everything of ours below it.
 */
export function containerMounts(
  hostConfig: HostConfig,
  files: EtcFiles,
  given: {
    readonly own: readonly OciMount[];
    readonly initProgram?: string;
    /** The host's directory to show as /dev/shm. */
    readonly sharedMemory?: string;
  },
): readonly OciMount[] {
  const { own, initProgram } = given;
  const readonly = hostConfig.Privileged ? [] : ["ro"];
  const groups = parseSecurityOptions(hostConfig.SecurityOpt).writableCgroups ? [] : readonly;
  const taken = new Set(own.map(({ destination }) => destination));
  const isFree = ({ destination }: OciMount): boolean =>
    !taken.has(destination) && !(taken.has("/dev") && destination.startsWith("/dev/"));
  const fixed = [
    mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
    mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
    mount("/dev/pts", "devpts", "devpts", ...PTY_OPTIONS),
    mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", ...readonly),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", ...groups, "nosuid", "noexec", "nodev"),
    mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
    ...sharedMemory(hostConfig, given.sharedMemory),
  ];
  const ours = [
    ...etcBinds(files, hostConfig.ReadonlyRootfs),
    ...(initProgram === undefined ? [] : [mount(INIT_PATH, "bind", initProgram, "bind", "ro")]),
  ];
  return [...fixed.filter(isFree), ...byDepth([...own, ...ours.filter(isFree)])];
}
