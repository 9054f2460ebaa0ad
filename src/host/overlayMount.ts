import { closeSync, readSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { cPath } from "./cPath.ts";
import {
  AT,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOUNT_ATTR_RDONLY,
  MOUNT_OPTIONS_LIMIT,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS,
  SYS,
} from "./constants.ts";
import { isAtLeast, kernelRelease } from "./kernelRelease.ts";
import { lastErrno, nativeFunction } from "./libc.ts";
import { bindMount, mount } from "./mounts.ts";
import { checked, isErrno, syscallError } from "./syscallError.ts";

/** An overlay to mount. All paths absolute, but for `lowers` that are relative to `base`. */
export interface OverlayMount {
  /** Top first, at least one; no directory twice (the kernel answers ELOOP). */
  readonly lowers: readonly string[];
  /** Where relative `lowers` start. Short ones let kernels that want all options in one page stack more layers. */
  readonly base?: string;
  /** Absent: a read-only view. */
  readonly upper?: string;
  /** Empty directory on the filesystem of `upper`; needed with it. */
  readonly work?: string;
  readonly target: string;
  /** Added to `redirect_dir=off metacopy=off index=off`, or in place of them. A value of `""` is a flag. */
  readonly options?: Readonly<Record<string, string>>;
}

/** Without these, a renamed directory lands in the upper as a redirect that no layer can express. */
const DEFAULT_OPTIONS = { redirect_dir: "off", metacopy: "off", index: "off" } as const;
/** Lower directories that one overlay can have: fs/overlayfs/params.h, OVL_MAX_STACK. */
export const MAX_LOWERS = 500;

const fsopen = nativeFunction<[number, Buffer, number]>("int64_t syscall(int64_t, const void*, uint32_t)");
const fsconfig = nativeFunction<[number, number, number, Buffer | null, Buffer | null, number]>(
  "int64_t syscall(int64_t, int, uint32_t, const void*, const void*, int)",
);
const fsmount = nativeFunction<[number, number, number, number]>("int64_t syscall(int64_t, int, uint32_t, uint32_t)");
const moveMount = nativeFunction<[number, number, Buffer, number, Buffer, number]>(
  "int64_t syscall(int64_t, int, const void*, int, const void*, uint32_t)",
);

/** `lowerdir+` came with Linux 6.7 or so and is in some distributions' older kernels: below this, the first mount tells. */
const SURELY_APPENDS = { major: 6, minor: 9 } as const;
/** Before, overlayfs only collected what fsconfig(2) gave it and refused `lowerdir+` at the very end. */
const FIRST_OWN_CONTEXT = { major: 6, minor: 5 } as const;
let appendsLowers: boolean | undefined;

/** Lines that the kernel left in the context (`e overlay: …`); empty when it had nothing to say. */
function kernelNote(context: number): string {
  const line = Buffer.alloc(1024);
  try {
    return line.toString("utf8", 0, readSync(context, line)).trim();
  } catch {
    return ""; // ENODATA: no message is the normal case
  }
}

/** A filesystem context under construction, and the mount point that messages name. */
interface Context {
  readonly fd: number;
  readonly target: string;
}

function configure(context: Context, command: number, key?: string, value?: string): void {
  const [name, text] = [key, value].map((part) => (part === undefined ? null : cPath(part)));
  if (fsconfig.call(SYS.fsconfig, context.fd, command, name ?? null, text ?? null, 0) >= 0) return;
  const errno = lastErrno();
  throw syscallError({ syscall: "fsconfig overlay", path: context.target, errno, note: kernelNote(context.fd) });
}

function allOptions(overlay: OverlayMount): readonly (readonly [string, string])[] {
  return Object.entries({ ...DEFAULT_OPTIONS, ...overlay.options });
}

/** Makes the superblock; false when the kernel has no `lowerdir+`. */
function fillContext(fd: number, overlay: OverlayMount): boolean {
  const { lowers, upper, work, target } = overlay;
  const context: Context = { fd, target };
  // What df(1) in a container shows.
  configure(context, FSCONFIG.SET_STRING, "source", "overlay");
  for (const [index, lower] of lowers.entries()) {
    try {
      configure(context, FSCONFIG.SET_STRING, "lowerdir+", resolve(overlay.base ?? "/", lower));
    } catch (error) {
      if (index === 0 && appendsLowers === undefined && isErrno(error, "EINVAL")) return false;
      throw error;
    }
    appendsLowers = true;
  }
  if (upper !== undefined) configure(context, FSCONFIG.SET_STRING, "upperdir", escape(upper));
  if (work !== undefined) configure(context, FSCONFIG.SET_STRING, "workdir", escape(work));
  for (const [key, value] of allOptions(overlay)) {
    if (value === "") configure(context, FSCONFIG.SET_FLAG, key);
    else configure(context, FSCONFIG.SET_STRING, key, value);
  }
  configure(context, FSCONFIG.CMD_CREATE);
  return true;
}

function mountByContext(overlay: OverlayMount): boolean {
  const { target } = overlay;
  const opened = fsopen.call(SYS.fsopen, cPath("overlay"), FSOPEN_CLOEXEC);
  if (opened < 0 && lastErrno() === constants.errno.ENODEV) throw missingOverlay();
  const context = checked("fsopen overlay", target, opened);
  try {
    if (!fillContext(context, overlay)) return false;
    const attributes = overlay.upper === undefined ? MOUNT_ATTR_RDONLY : 0;
    const tree = checked("fsmount overlay", target, fsmount.call(SYS.fsmount, context, FSMOUNT_CLOEXEC, attributes));
    try {
      const moved = moveMount.call(SYS.move_mount, tree, cPath(""), AT.FDCWD, cPath(target), MOVE_MOUNT_F_EMPTY_PATH);
      checked("move_mount overlay", target, moved);
    } finally {
      closeSync(tree);
    }
    return true;
  } finally {
    closeSync(context);
  }
}

function missingOverlay(): EngineError {
  return new EngineError("failed_precondition", ErrorCode.UNSUPPORTED_KERNEL, "this kernel has no overlay filesystem", {
    hint: "Load it with `modprobe overlay`, or run a kernel with CONFIG_OVERLAY_FS.",
  });
}

/** The option string's own separators. */
function escape(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}

/**
 * Older kernels: one option string. A cut string would mount the wrong directories, so a long one is refused. For
 * relative lowers the process goes to `base` and back, within one turn of the event loop; main thread only.
 */
export function mountByOptions(overlay: OverlayMount): void {
  const { lowers, base, upper, work, target } = overlay;
  const options = [
    `lowerdir=${lowers.map(escape).join(":")}`,
    ...(upper === undefined ? [] : [`upperdir=${escape(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${escape(work)}`]),
    ...allOptions(overlay).map(([key, value]) => (value === "" ? key : `${key}=${value}`)),
  ].join(",");
  if (Buffer.byteLength(options) >= MOUNT_OPTIONS_LIMIT) throw tooManyLayers(lowers.length);
  const home = process.cwd();
  process.chdir(base ?? home);
  try {
    mount({ source: "overlay", target, type: "overlay", flags: upper === undefined ? MS.RDONLY : 0, options });
  } finally {
    process.chdir(home);
  }
}

function tooManyLayers(count: number): EngineError {
  return new EngineError(
    "resource_exhausted",
    ErrorCode.TOO_MANY_LAYERS,
    `this kernel cannot mount ${count} layers in one overlay`,
  );
}

/**
 * Mounts an overlay. One lower without an upper becomes a read-only bind mount, for overlayfs wants two.
 * @throws {resource_exhausted} TOO_MANY_LAYERS above 500 lowers, or above a page of options on kernels before 6.8;
 *   {failed_precondition} UNSUPPORTED_KERNEL when the kernel has no overlayfs.
 */
export async function mountOverlay(overlay: OverlayMount): Promise<void> {
  const [only] = overlay.lowers;
  if (overlay.lowers.length > MAX_LOWERS) throw tooManyLayers(overlay.lowers.length);
  if (overlay.upper === undefined && overlay.lowers.length === 1 && only !== undefined) {
    await bindMount({ source: resolve(overlay.base ?? "/", only), target: overlay.target, readOnly: true });
    return;
  }
  const release = kernelRelease();
  if (isAtLeast(release, SURELY_APPENDS)) appendsLowers = true;
  if (!isAtLeast(release, FIRST_OWN_CONTEXT)) appendsLowers = false;
  if (appendsLowers !== false && mountByContext(overlay)) return;
  appendsLowers = false;
  mountByOptions(overlay);
}
