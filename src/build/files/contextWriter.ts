import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { getXattrs, isErrno, makeNode, setTimes, setTimesOf, setXattr, setXattrOf } from "#host";
import type { ContextMessage, ContextOperation, ContextPlace, EntryFacts } from "./contextOperations.ts";

const PERMISSIONS = 0o7777;
const MAX_OPEN = 64;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;
/** Other attributes are the client's machine's, or cannot be set. */
const KEPT_XATTRS = /^(?:user\.|security\.capability$|system\.posix_acl_(?:access|default)$)/;

interface ComingFile {
  readonly path: string;
  readonly mode: number;
  exists: boolean;
}

/**
 * Worker's end of a context that comes in: does operations, synchronously, one after another. Files are never changed,
 * only made anew: clones share them. A directory without its list is not whole, and whoever finds it throws it away.
 */
export class ContextWriter implements Disposable {
  readonly #place: ContextPlace;
  /** Files that were asked for, by the entry's index. */
  readonly #files = new Map<number, ComingFile>();
  /** Descriptors of some of them, longest unused first. */
  readonly #open = new Map<number, number>();

  constructor(place: ContextPlace) {
    this.#place = place;
  }

  perform({ operations, data }: ContextMessage): void {
    for (const operation of operations) this.#perform(operation, data);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #perform(operation: ContextOperation, data: Uint8Array): void {
    switch (operation.kind) {
      case "clone":
        return cloneTree(operation.from, this.#place.root);
      case "begin":
        rmSync(this.#place.list, { force: true });
        mkdirSync(this.#place.root, { recursive: true, mode: 0o755 });
        return;
      case "directory":
        return makeDirectory(this.#at(operation.path), operation.facts);
      case "symlink":
        return this.#replace(operation.path, operation.facts, (path) => symlinkSync(operation.target, path));
      case "hardlink":
        return this.#replace(operation.path, undefined, (path) => linkSync(this.#at(operation.target), path));
      case "node": {
        const { facts, major, minor } = operation;
        return this.#replace(operation.path, facts, (path) => makeNode(path, { mode: facts.mode, major, minor }));
      }
      case "open": {
        const { index, path, facts } = operation;
        this.#files.set(index, { path: this.#at(path), mode: facts.mode & PERMISSIONS, exists: false });
        return;
      }
      case "data":
        return writeFully(this.#file(operation.index), data.subarray(operation.start, operation.end));
      case "close":
        return this.#closeFile(operation.index, operation.facts);
      case "remove":
        return rmSync(this.#at(operation.path), { recursive: true, force: true });
      case "finish":
        for (const { path, modifiedAt } of operation.directories) setTimes(this.#at(path), { modified: modifiedAt });
        writeFileSync(`${this.#place.list}.new`, operation.list);
        renameSync(`${this.#place.list}.new`, this.#place.list);
    }
  }

  #at(path: string): string {
    return path === "" ? this.#place.root : join(this.#place.root, path);
  }

  /** All files are asked for at once, and a client may send them in any order: only some can be open. */
  #file(index: number): number {
    const known = this.#open.get(index);
    if (known !== undefined) return known;
    const file = this.#files.get(index);
    if (file === undefined) throw new RangeError(`no file ${index} is coming`);
    const oldest = this.#open.size >= MAX_OPEN ? this.#open.entries().next().value : undefined;
    if (oldest !== undefined) {
      this.#open.delete(oldest[0]);
      closeSync(oldest[1]);
    }
    const fd = file.exists ? openSync(file.path, APPEND) : createFile(file);
    file.exists = true;
    this.#open.set(index, fd);
    return fd;
  }

  #closeFile(index: number, facts: EntryFacts): void {
    const fd = this.#file(index);
    this.#open.delete(index);
    this.#files.delete(index);
    try {
      if (facts.uid !== 0 || facts.gid !== 0) fchownSync(fd, facts.uid, facts.gid);
      // What the umask may have taken away, and what chown takes.
      if ((facts.mode & PERMISSIONS & ~0o600) !== 0) fchmodSync(fd, facts.mode & PERMISSIONS);
      for (const [name, value] of facts.xattrs) if (KEPT_XATTRS.test(name)) setXattrOf(fd, name, value);
      setTimesOf(fd, facts.modifiedAt);
    } finally {
      closeSync(fd);
    }
  }

  #replace(path: string, facts: EntryFacts | undefined, make: (path: string) => void): void {
    const target = this.#at(path);
    rmSync(target, { recursive: true, force: true });
    make(target);
    if (facts === undefined) return;
    lchownSync(target, facts.uid, facts.gid);
    if (!lstatSync(target).isSymbolicLink()) {
      chmodSync(target, facts.mode & PERMISSIONS);
      setXattrs(target, facts);
    }
    setTimes(target, { modified: facts.modifiedAt });
  }
}

function createFile({ path, mode }: ComingFile): number {
  try {
    return openSync(path, CREATE, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    rmSync(path, { recursive: true, force: true });
    return openSync(path, CREATE, mode);
  }
}

function makeDirectory(path: string, facts: EntryFacts): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() !== true) {
    rmSync(path, { force: true });
    mkdirSync(path, { mode: 0o700 });
  }
  lchownSync(path, facts.uid, facts.gid);
  chmodSync(path, facts.mode & PERMISSIONS);
  setXattrs(path, facts);
}

function setXattrs(path: string, { xattrs }: Pick<EntryFacts, "xattrs">): void {
  for (const [name, value] of xattrs) if (KEPT_XATTRS.test(name)) setXattr(path, name, value);
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

function cloneTree(from: string, to: string): void {
  const { mode, uid, gid } = lstatSync(from);
  mkdirSync(to, { mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) cloneTree(source, target);
    else linkSync(source, target);
  }
  lchownSync(to, uid, gid);
  chmodSync(to, mode & PERMISSIONS);
  setXattrs(to, { xattrs: getXattrs(from) });
}
