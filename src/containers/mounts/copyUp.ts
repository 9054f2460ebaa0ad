import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { makeNode, openInRoot, setTimes, setXattr } from "#host";
import type { MergedView, ViewEntry } from "#layers";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
/** Entries that are made before others get their turn. */
const ENTRIES_A_TURN = 64;
const NANOSECONDS = 1_000_000_000n;
const TYPE_BITS = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/** Bytes of a path, from the latin1 of views. */
const bytes = (path: string): Buffer => Buffer.from(path, "latin1");
/** A name within an open directory: what anybody renames meanwhile cannot lead elsewhere. */
const within = (folder: number, name: string): Buffer =>
  Buffer.concat([bytes(`/proc/self/fd/${folder}/`), bytes(name)]);

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** Copies a directory of an image's merged view into an empty directory. */
class Copier {
  readonly #view: MergedView;
  readonly #target: string;
  readonly #from: string;
  /** Layer and inode of what has several names → its first name, relative to the root. */
  readonly #links = new Map<string, string>();
  #made = 0;

  constructor(view: MergedView, from: ViewEntry, target: string) {
    this.#view = view;
    this.#from = from.path;
    this.#target = target;
  }

  /** Children first, so that the directory's own times stay. */
  async fill(entry: ViewEntry, folder: number): Promise<void> {
    for (const child of this.#view.list(entry.path) ?? []) {
      this.#made += 1;
      if (this.#made % ENTRIES_A_TURN === 0) await nextTurn();
      await this.#copy(child, folder);
    }
    fchownSync(folder, entry.stat.uid, entry.stat.gid);
    fchmodSync(folder, entry.stat.mode);
    this.#decorate(entry, within(folder, "."));
  }

  async #copy(entry: ViewEntry, folder: number): Promise<void> {
    const path = within(folder, nameOf(entry.path));
    if (entry.stat.type !== "directory" && this.#link(entry, path)) return;
    switch (entry.stat.type) {
      case "directory":
        return this.#directory(entry, path);
      case "file":
        return this.#file(entry, path);
      case "symlink":
        symlinkSync(bytes(this.#view.readlink(entry)), path);
        break;
      case "char":
      case "block":
      case "fifo":
        makeSpecial(entry, TYPE_BITS[entry.stat.type], path);
        break;
    }
    lchownSync(path, entry.stat.uid, entry.stat.gid);
    this.#decorate(entry, path);
  }

  async #directory(entry: ViewEntry, path: Buffer): Promise<void> {
    mkdirSync(path, { mode: 0o700 });
    const folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await this.fill(entry, folder);
    } finally {
      closeSync(folder);
    }
  }

  async #file(entry: ViewEntry, path: Buffer): Promise<void> {
    const file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
    try {
      for await (const chunk of this.#view.readFile(entry)) writeSync(file, chunk);
      fchownSync(file, entry.stat.uid, entry.stat.gid);
      fchmodSync(file, entry.stat.mode);
    } finally {
      closeSync(file);
    }
    this.#decorate(entry, path);
  }

  /** True when the entry is another name of what was copied before. */
  #link(entry: ViewEntry, path: Buffer): boolean {
    if (entry.stat.nlink < 2) return false;
    const inode = `${entry.layer} ${entry.stat.nid}`;
    const relative = entry.path.slice(this.#from.length).replace(/^\//, "");
    const first = this.#links.get(inode);
    if (first === undefined) {
      this.#links.set(inode, relative);
      return false;
    }
    const folder = openInRoot(this.#target, bytes(`/${folderOf(first)}`), O_RDONLY | O_DIRECTORY);
    try {
      linkSync(within(folder, nameOf(first)), path);
    } finally {
      closeSync(folder);
    }
    return true;
  }

  /** After owner and mode: those take capabilities away. */
  #decorate(entry: ViewEntry, path: Buffer): void {
    for (const [name, value] of this.#view.xattrs(entry)) setXattr(path, name, value);
    const { mtimeSeconds, mtimeNanoseconds } = entry.stat;
    setTimes(path, { modified: BigInt(mtimeSeconds) * NANOSECONDS + BigInt(mtimeNanoseconds) });
  }
}

/** mknod(2) knows a mode, and no umask in between: changing it afterwards would follow what took the name. */
function makeSpecial({ stat }: ViewEntry, type: number, path: Buffer): void {
  const mask = process.umask(0);
  try {
    makeNode(path, { mode: type | stat.mode, ...stat.device });
  } finally {
    process.umask(mask);
  }
}

/**
 * Gives an empty directory what a directory of an image has: content, owners, modes, times, extended attributes, hard links,
 * devices; the directory itself takes owner and mode, too. Symlinks are copied, never followed.
 */
export async function copyUp(view: MergedView, from: ViewEntry, target: string): Promise<void> {
  const fd = openSync(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await new Copier(view, from, target).fill(from, fd);
  } finally {
    closeSync(fd);
  }
}
