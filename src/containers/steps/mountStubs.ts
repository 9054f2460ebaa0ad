import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readlinkSync, rmdirSync, unlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join, posix } from "node:path";
import { isErrno, openInRoot, setTimes } from "#host";
import { isOpaque } from "#snapshots";
import { O_PATH } from "../files/openFile.ts";

const MODE = 0o755;
/** As the kernel's. */
const MAX_LINKS = 40;
/** Filesystems that every step has: what lies below is made there. */
const COVERED = /^\/(?:dev|proc|sys)\//;

/** What something is to be mounted on. */
export interface MountTarget {
  /** Absolute, in the step's root. */
  readonly path: string;
  readonly kind: "file" | "directory";
}

/** A directory on the way to a stub, as it was. */
interface Parent {
  readonly path: string;
  readonly stat: BigIntStats;
}

/** A name that was made in a root so that something can be mounted on it. */
interface Stub {
  readonly path: string;
  readonly kind: "file" | "directory";
}

/**
 * Names that a runtime would make in a root to mount on. They are made here, so that it is known what they are, and taken
 * away from the upper directory before it becomes a layer. Directories that overlayfs copied up for them go, too: a command
 * that changes nothing makes an empty layer, always the same one, whenever it ran.
 */
export class MountStubs {
  /** Outermost first. */
  readonly #stubs: Stub[] = [];
  readonly #parents = new Map<string, Parent>();

  /** Makes what is missing in a mounted root that nobody else works on. */
  make(root: string, targets: readonly MountTarget[]): void {
    for (const { path, kind } of targets) {
      const clean = posix.normalize(`/${path}`);
      if (!COVERED.test(clean)) this.#makeOne(root, { path: clean, kind }, MAX_LINKS);
    }
  }

  #makeOne(root: string, { path, kind }: MountTarget, linksLeft: number): void {
    const names = path.split("/").filter((name) => name !== "");
    let place = "/";
    for (const [index, name] of names.entries()) {
      const found = resolveInRoot(root, posix.join(place, name));
      if (found !== undefined) {
        place = found;
        continue;
      }
      const isLast = index === names.length - 1;
      const own = posix.join(place, name);
      const leadsTo = targetOfLink(join(root, own));
      if (leadsTo !== undefined) {
        const further = posix.resolve(place, leadsTo, ...names.slice(index + 1));
        if (linksLeft > 0) this.#makeOne(root, { path: further, kind }, linksLeft - 1);
        return;
      }
      this.#remember(root, place);
      if (!makeName(root, own, isLast ? kind : "directory")) return; // a file is in the way: the runtime says so
      this.#restore(root, place);
      this.#stubs.push({ path: own, kind: isLast ? kind : "directory" });
      place = own;
    }
  }

  /** The directory and those above it, as they are before the first stub is made in them. */
  #remember(root: string, path: string): void {
    for (let at = path; at !== "/" && !this.#isStub(at); at = posix.dirname(at)) {
      if (this.#parents.has(at)) return;
      this.#parents.set(at, { path: at, stat: lstatSync(join(root, at), { bigint: true }) });
    }
  }

  #isStub(path: string): boolean {
    return this.#stubs.some((stub) => stub.path === path);
  }

  #restore(root: string, path: string): void {
    const parent = this.#parents.get(path);
    if (parent !== undefined) setTimes(join(root, path), { modified: parent.stat.mtimeNs });
  }

  /** Takes from an upper directory what is left of them; its root must not be mounted any more. */
  remove(upper: string): void {
    for (const stub of this.#stubs.toReversed()) removeEmpty(upper, stub);
    const deepestFirst = [...this.#parents.values()].sort((a, b) => b.path.length - a.path.length);
    for (const parent of deepestFirst) removeUnchanged(upper, parent);
  }
}

/** Where a path leads to in a root; undefined when there is nothing. */
function resolveInRoot(root: string, path: string): string | undefined {
  let fd: number;
  try {
    fd = openInRoot(root, path, O_PATH);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR") || isErrno(error, "ELOOP")) return undefined;
    throw error;
  }
  try {
    const found = readlinkSync(`/proc/self/fd/${fd}`);
    return found === root ? "/" : found.slice(root.length);
  } finally {
    closeSync(fd);
  }
}

/** Of a link that leads to nothing yet. */
function targetOfLink(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

function makeName(root: string, path: string, kind: Stub["kind"]): boolean {
  try {
    if (kind === "directory") mkdirSync(join(root, path), { mode: MODE });
    else closeSync(openSync(join(root, path), "wx", MODE));
    return true;
  } catch (error) {
    if (isErrno(error, "ENOTDIR") || isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Runs `work` on a name of an upper directory, unless links lead there: then it is not what we made. */
function within(upper: string, path: string, work: (at: string) => void): void {
  const names = path.split("/").filter((name) => name !== "");
  const last = names.pop();
  if (last === undefined) return;
  let at = upper;
  for (const name of names) {
    at = join(at, name);
    if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  }
  work(join(at, last));
}

/** What the step put there stays. */
function removeEmpty(upper: string, { path, kind }: Stub): void {
  within(upper, path, (at) => {
    const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return;
    const isOurs =
      kind === "directory" ? stat.isDirectory() && readdirSync(at).length === 0 : stat.isFile() && stat.size === 0n;
    if (!isOurs) return;
    const parent = posix.dirname(at);
    const { mtimeNs } = lstatSync(parent, { bigint: true });
    if (kind === "directory") rmdirSync(at);
    else unlinkSync(at);
    setTimes(parent, { modified: mtimeNs });
  });
}

function removeUnchanged(upper: string, { path, stat: before }: Parent): void {
  within(upper, path, (at) => {
    const after = lstatSync(at, { bigint: true, throwIfNoEntry: false });
    if (after?.isDirectory() !== true || readdirSync(at).length > 0 || isOpaque(Buffer.from(at))) return;
    if (after.mode !== before.mode || after.uid !== before.uid || after.gid !== before.gid) return;
    if (after.mtimeNs !== before.mtimeNs) return;
    const parent = posix.dirname(at);
    const { mtimeNs } = lstatSync(parent, { bigint: true });
    rmdirSync(at);
    setTimes(parent, { modified: mtimeNs });
  });
}
