import type { InitEntry } from "#snapshots";

/** What Docker puts between an image and its container: what runtimes mount upon, and the mark of a container. */
export const INIT_ENTRIES: readonly InitEntry[] = [
  { path: "/dev/pts", kind: "directory" },
  { path: "/dev/shm", kind: "directory" },
  { path: "/proc", kind: "directory" },
  { path: "/sys", kind: "directory" },
  { path: "/.dockerenv", kind: "file" },
  { path: "/etc/resolv.conf", kind: "file" },
  { path: "/etc/hosts", kind: "file" },
  { path: "/etc/hostname", kind: "file" },
  { path: "/dev/console", kind: "file" },
  { path: "/etc/mtab", kind: "symlink", target: "/proc/mounts" },
];
