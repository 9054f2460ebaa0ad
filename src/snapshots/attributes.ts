import { chmodSync, chownSync, lstatSync } from "node:fs";
import { getXattrs, setTimes, setXattr } from "#host";

/** What belongs to overlayfs itself is no part of what a container sees. */
export const OVERLAY_XATTRS = "trusted.overlay.";
const PERMISSION_BITS = 0o7777;

/** Gives the directory `to` the owner, mode, extended attributes and modification time of the directory `from`. */
export function copyDirectoryAttributes(from: string, to: string): void {
  const stat = lstatSync(from, { bigint: true });
  chownSync(to, Number(stat.uid), Number(stat.gid));
  chmodSync(to, Number(stat.mode) & PERMISSION_BITS);
  for (const [name, value] of getXattrs(from)) {
    if (!name.startsWith(OVERLAY_XATTRS)) setXattr(to, name, value);
  }
  setTimes(to, { modified: stat.mtimeNs });
}
