import { closeSync, constants as fsConstants, mkdirSync, openSync, statSync } from "node:fs";
import { posix } from "node:path";
import { CLONE_NEWNS, MS, O_PATH, SYS, UMOUNT } from "./constants.ts";
import { cPath } from "./cPath.ts";
import { openConfined } from "./fileDescriptors.ts";
import { nativeFunction } from "./libc.ts";
import { mount } from "./mounts.ts";
import { checked, fromNodeError, isErrno } from "./syscallError.ts";

const unshare = nativeFunction<[number]>("int unshare(int)");
const setns = nativeFunction<[number, number]>("int setns(int, int)");
const fchdir = nativeFunction<[number]>("int fchdir(int)");
const pivotRoot = nativeFunction<[number, Buffer, Buffer]>("int64_t syscall(int64_t, const void*, const void*)");
const umount2 = nativeFunction<[Buffer, number]>("int umount2(const void*, int)");

/** A directory or file of the host that is seen within a root. */
export interface ViewMount {
  readonly source: string;
  /** Absolute, within the root; made when nothing is there. */
  readonly destination: string;
  readonly readOnly: boolean;
}

/** A root with mounts of its own, which nobody else sees. Dispose closes it. */
export interface RootView extends Disposable {
  /** O_PATH; everything within is opened from here (`openConfined`). */
  readonly root: number;
}

/**
 * A root filesystem with volumes upon it, in a mount namespace that holds nothing else: what is opened from its fd sees
 * them, and there is nowhere else to go. The host's mounts stay as they are, and nobody can change the view's.
 *
 * Only for a worker thread, and synchronous: the calling thread leaves the host's namespace for the time of the call, and
 * threads share less with one another ever after (its working directory is its own).
 */
export function openRootView(what: {
  readonly path: string;
  readonly readOnly: boolean;
  readonly mounts: readonly ViewMount[];
}): RootView {
  const host = open("/proc/thread-self/ns/mnt", fsConstants.O_RDONLY);
  try {
    checked("unshare", undefined, unshare.call(CLONE_NEWNS));
    try {
      return buildView(what);
    } finally {
      // A thread that cannot come back must not go on: it would see another host.
      if (setns.call(host, CLONE_NEWNS) < 0) process.abort();
    }
  } finally {
    closeSync(host);
  }
}

function open(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    throw fromNodeError(error);
  }
}

function buildView({ path, readOnly, mounts }: Parameters<typeof openRootView>[0]): RootView {
  mount({ source: "none", target: "/", flags: MS.REC | MS.PRIVATE });
  // An fd of the namespace keeps it, and with it the mounts, when this thread has left.
  const namespace = open("/proc/thread-self/ns/mnt", fsConstants.O_RDONLY);
  let root = -1;
  try {
    root = open(path, O_PATH | fsConstants.O_DIRECTORY);
    for (const one of mounts) addMount(root, one);
    if (readOnly) mount({ source: "none", target: path, flags: MS.BIND | MS.REMOUNT | MS.RDONLY });
    checked("fchdir", path, fchdir.call(root));
    checked("pivot_root", path, pivotRoot.call(SYS.pivot_root, cPath("."), cPath(".")));
    checked("umount", "/", umount2.call(cPath("."), UMOUNT.DETACH));
    const opened = root;
    return {
      root: opened,
      [Symbol.dispose]: () => {
        closeSync(opened);
        closeSync(namespace);
      },
    };
  } catch (error) {
    if (root >= 0) closeSync(root);
    closeSync(namespace);
    throw error;
  }
}

function addMount(root: number, { source, destination, readOnly }: ViewMount): void {
  const target = openOrMake(root, destination, statSync(source).isDirectory());
  try {
    mount({ source, target: `/proc/self/fd/${target}`, flags: MS.BIND | MS.REC });
  } finally {
    closeSync(target);
  }
  if (!readOnly) return;
  const mounted = openConfined(root, destination, O_PATH, "root");
  try {
    mount({ source: "none", target: `/proc/self/fd/${mounted}`, flags: MS.BIND | MS.REMOUNT | MS.RDONLY });
  } finally {
    closeSync(mounted);
  }
}

/** As Docker: a mount point that is not there (a container that never ran) is made, those above it too. */
function openOrMake(root: number, path: string, isDirectory: boolean): number {
  try {
    return openConfined(root, path, O_PATH, "root");
  } catch (error) {
    if (!isErrno(error, "ENOENT") || path === "/") throw error;
  }
  const parent = openOrMake(root, posix.dirname(path), true);
  try {
    const name = `/proc/self/fd/${parent}/${posix.basename(path)}`;
    if (isDirectory) mkdirSync(name, { mode: 0o755 });
    else closeSync(openSync(name, fsConstants.O_CREAT | fsConstants.O_EXCL | fsConstants.O_WRONLY, 0o755));
  } finally {
    closeSync(parent);
  }
  return openConfined(root, path, O_PATH, "root");
}
