import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { OciDevice } from "./ociSpec.ts";

/** Made by the runtime in every container; the host's own would be others. */
const SKIPPED: ReadonlySet<string> = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"]);

/** The kernel's dev_t: 12 bits of major, 20 of minor, interleaved (linux/kdev_t.h, new_encode_dev). */
export function splitDeviceNumber(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** Every device node below a directory of the host: what a privileged container gets. */
export function hostDevices(directory = "/dev"): readonly OciDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): readonly OciDevice[] => {
    const path = join(directory, entry.name);
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return hostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    const stat = lstatSync(path);
    const type = entry.isBlockDevice() ? "b" : "c";
    return [
      { path, type, ...splitDeviceNumber(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid },
    ];
  });
}
