import { constants } from "node:os";
import { cPath } from "./cPath.ts";
import { MS, UMOUNT } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { listMounts } from "./mountInfo.ts";
import { checked, syscallError } from "./syscallError.ts";

type MountArguments = [source: Buffer, target: Buffer, type: Buffer, flags: number, data: Buffer];
const mountCall = nativeFunction<MountArguments>(
  "int mount(const void*, const void*, const void*, unsigned long, const void*)",
);
const umount2 = nativeFunction<[Buffer, number]>("int umount2(const void*, int)");

interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type?: string;
  readonly flags?: number;
  readonly options?: string;
}

/** mount(2) on libuv's pool, for what may wait for a disk or a server. */
export function callMount(what: MountCall): Promise<{ readonly result: number; readonly errno: number }> {
  const { source, target, type = "", flags = 0, options = "" } = what;
  return mountCall.callAsync(cPath(source), cPath(target), cPath(type), flags, cPath(options));
}

/** mount(2) as it is. `options` must be shorter than a page; callers that build them from paths check that. */
export function mount(what: MountCall): void {
  const { source, target, type = "", flags = 0, options = "" } = what;
  checked(
    `mount ${type === "" ? "bind" : type}`,
    target,
    mountCall.call(cPath(source), cPath(target), cPath(type), flags, cPath(options)),
  );
}

/**
 * Mounts an EROFS image read-only, the file itself as the backing store (Linux ≥ 6.12; ask `erofsSupport` first).
 * @throws {internal} errno ENOTBLK when the file's filesystem cannot back it (overlayfs, tmpfs), {invalid_argument} when it is no EROFS image.
 */
export function mountErofs(what: { readonly source: string; readonly target: string }): Promise<void> {
  return Promise.try(() => mount({ ...what, type: "erofs", flags: MS.RDONLY | MS.NOSUID | MS.NODEV }));
}

/** Shows `source` (a directory or file) at `target`, with what is mounted below it if `recursive`. */
export async function bindMount(what: {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
  readonly recursive?: boolean;
}): Promise<void> {
  const { source, target } = what;
  mount({ source, target, flags: MS.BIND | (what.recursive === true ? MS.REC : 0) });
  if (what.readOnly !== true) return;
  try {
    mount({ source, target, flags: MS.BIND | MS.REMOUNT | MS.RDONLY });
  } catch (error) {
    await unmount(target, { lazy: true });
    throw error;
  }
}

/** Mounts made below `target` (a mount point) are no longer seen in other mount namespaces, and theirs not here. */
export function makePrivate(target: string): Promise<void> {
  return Promise.try(() => mount({ source: "none", target, flags: MS.REC | MS.PRIVATE }));
}

/**
 * Unmounts the topmost mount at `target`; false when there is none. `lazy` detaches at once and lets the kernel finish
 * when the last user is gone. Runs on libuv's pool: the last unmount of a writable filesystem waits for the disk.
 * @throws {conflict} when it is in use and not `lazy`.
 */
export async function unmount(target: string, options: { readonly lazy?: boolean } = {}): Promise<boolean> {
  const flags = UMOUNT.NOFOLLOW | (options.lazy === true ? UMOUNT.DETACH : 0);
  const { result, errno } = await umount2.callAsync(cPath(target), flags);
  if (result === 0) return true;
  if (errno === constants.errno.EINVAL || errno === constants.errno.ENOENT) return false;
  throw syscallError({ syscall: "umount", path: target, errno });
}

/** True when something is mounted exactly at `path` (absolute, no symlinks in it). */
export async function isMountPoint(path: string): Promise<boolean> {
  return (await listMounts(path)).some((entry) => entry.target === path);
}
