import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { posix } from "node:path";
import { isErrno, makeNode, setTimes, setTimesOf, setXattrOf } from "#host";
import { toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";
import { goError, withGoWords } from "./goError.ts";
import { fdPath, O_PATH, pathAt } from "./openFile.ts";
import { removeTree } from "./removeTree.ts";
import type { TarInput } from "./tarInput.ts";
import type { TargetDirectories } from "./targetDirectories.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const PRIVATE_MODE = 0o700;
const NODE_TYPES = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
const SECOND = 1_000_000_000n;
const MAX_SECONDS = 2 ** 33;

export interface UnpackOptions {
  readonly noOverwriteDirNonDir: boolean;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** A place for one entry: a name in a pinned directory. */
interface Place {
  readonly directory: number;
  readonly name: string;
  readonly at: Buffer;
  /** Its path in the container, latin1: for messages. */
  readonly path: string;
}

/**
 * Unpacks a tar into a directory as dockerd does, with its refusals. Whatever the container puts in the way meanwhile: a
 * file is made new and written through its own fd, a name is never followed, parents are pinned.
 */
export class TreeReader {
  readonly #input: TarInput;
  readonly #target: TargetDirectories;
  readonly #options: UnpackOptions;
  /** In the order they came: their times are set when nothing is made in them any more. */
  readonly #directories: (readonly [relative: string, time: bigint])[] = [];

  constructor(input: TarInput, target: TargetDirectories, options: UnpackOptions) {
    this.#input = input;
    this.#target = target;
    this.#options = options;
  }

  run(): void {
    for (let entry = this.#input.entry(); entry !== undefined; entry = this.#input.entry()) this.#take(entry);
    for (const [relative, time] of this.#directories) this.#setDirectoryTime(relative, time);
  }

  #take(entry: TarEntry): void {
    const { where } = this.#target;
    const name = cleanName(entry.path);
    const path = posix.join(where, name);
    if (!isWithin(where, path)) throw goError("internal", `${quote(name)} is outside of ${quote(where)}`);
    const relative = path === where ? "" : path.slice(where === "/" ? 1 : where.length + 1);
    // The directory itself: it is there, and stays as it is.
    if (relative === "") return;
    const parent = relative.includes("/") ? posix.dirname(relative) : "";
    const directory = this.#target.open(parent, true);
    const base = posix.basename(relative);
    const place = { directory, name: base, at: pathAt(directory, base), path };
    const isMerged = this.#makeRoom(place, entry);
    withGoWords(VERBS[entry.type], toDisplayPath(path), () => this.#make(place, entry, isMerged));
    if (entry.type === "directory") this.#directories.push([relative, timeOf(entry)]);
  }

  /** Takes away what has the name. True for a directory that takes the entry's attributes and keeps its content. */
  #makeRoom({ directory, name, at, path }: Place, entry: TarEntry): boolean {
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) return false;
    const [was, becomes] = [found.isDirectory(), entry.type === "directory"];
    if (this.#options.noOverwriteDirNonDir && was !== becomes) {
      const [old, fresh] = was ? ["directory", "non-directory"] : ["non-directory", "directory"];
      throw goError("internal", `cannot overwrite ${old} ${quote(path)} with ${fresh} ${quote(this.#target.where)}`);
    }
    if (was && becomes) return true;
    if (was) this.#target.forget();
    withGoWords("unlinkat", toDisplayPath(path), () => removeTree(directory, name));
    return false;
  }

  #make(place: Place, entry: TarEntry, isMerged: boolean): void {
    switch (entry.type) {
      case "directory":
        return this.#makeDirectory(place, entry, isMerged);
      case "file":
        return this.#makeFile(place, entry);
      case "hardlink":
        return this.#makeLink(place, entry);
      case "symlink":
        return this.#makeSymlink(place, entry);
      case "char":
      case "block":
      case "fifo":
        return this.#makeSpecial(place, entry, NODE_TYPES[entry.type]);
    }
  }

  #makeDirectory({ at }: Place, entry: TarEntry, isMerged: boolean): void {
    if (!isMerged) mkdirSync(at, { mode: PRIVATE_MODE });
    const fd = openSync(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.#setAttributes(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  #makeFile({ at }: Place, entry: TarEntry): void {
    const fd = openSync(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      let end = 0;
      this.#input.body(entry, (bytes, position) => {
        for (let done = 0; done < bytes.length; )
          done += writeSync(fd, bytes, done, bytes.length - done, position + done);
        end = position + bytes.length;
      });
      if (end < entry.size) ftruncateSync(fd, entry.size);
      this.#setAttributes(fd, entry);
      setTimesOf(fd, timeOf(entry));
    } finally {
      closeSync(fd);
    }
  }

  /** The file that it becomes a name of has its attributes already. */
  #makeLink({ at }: Place, { linkPath }: TarEntry): void {
    const { where } = this.#target;
    const target = posix.join(where, linkPath);
    if (!target.startsWith(where)) throw goError("internal", `invalid hardlink ${quote(target)} -> ${quote(linkPath)}`);
    const relative = target.slice(where === "/" ? 1 : where.length + 1);
    const from = this.#target.openApart(relative.includes("/") ? posix.dirname(relative) : "");
    try {
      linkSync(pathAt(from, posix.basename(relative)), at);
    } finally {
      closeSync(from);
    }
  }

  #makeSymlink({ at, path }: Place, entry: TarEntry): void {
    const target = posix.join(posix.dirname(path), entry.linkPath);
    if (!target.startsWith(this.#target.where))
      throw goError("internal", `invalid symlink ${quote(path)} -> ${quote(entry.linkPath)}`);
    symlinkSync(Buffer.from(entry.linkPath, "latin1"), at);
    const { uid, gid } = this.#ownerOf(entry);
    lchownSync(at, uid, gid);
    setTimes(at, { accessed: timeOf(entry), modified: timeOf(entry) });
  }

  #makeSpecial({ at }: Place, entry: TarEntry, type: number): void {
    makeNode(at, { mode: type | 0o600, major: entry.deviceMajor, minor: entry.deviceMinor });
    const { uid, gid } = this.#ownerOf(entry);
    lchownSync(at, uid, gid);
    const fd = openSync(at, O_PATH | O_NOFOLLOW);
    try {
      chmodSync(fdPath(fd), entry.mode);
    } finally {
      closeSync(fd);
    }
    setTimes(at, { accessed: timeOf(entry), modified: timeOf(entry) });
  }

  /** Owner first: a change of owner clears setuid bits and capabilities. */
  #setAttributes(fd: number, entry: TarEntry): void {
    const { uid, gid } = this.#ownerOf(entry);
    fchownSync(fd, uid, gid);
    for (const [name, value] of entry.xattrs ?? []) {
      try {
        setXattrOf(fd, name, value);
      } catch (error) {
        if (!isErrno(error, "EPERM")) throw error; // as dockerd: not allowed here, and no reason to fail
      }
    }
    fchmodSync(fd, entry.mode);
  }

  #ownerOf({ uid, gid }: TarEntry): { readonly uid: number; readonly gid: number } {
    return this.#options.owner ?? { uid, gid };
  }

  #setDirectoryTime(relative: string, time: bigint): void {
    let fd: number;
    try {
      fd = this.#target.openApart(relative);
    } catch {
      return; // a later entry, or the container, took it away
    }
    try {
      setTimesOf(fd, time);
    } finally {
      closeSync(fd);
    }
  }
}

const VERBS: Readonly<Record<TarEntry["type"], string>> = {
  directory: "mkdir",
  file: "open",
  hardlink: "link",
  symlink: "symlink",
  char: "mknod",
  block: "mknod",
  fifo: "mknod",
};

const quote = (path: string): string => JSON.stringify(toDisplayPath(path));

/** Go's filepath.Clean. */
function cleanName(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}

function isWithin(where: string, path: string): boolean {
  return path === where || path.startsWith(where === "/" ? "/" : `${where}/`);
}

/** dockerd puts what a filesystem may not hold at 1970. */
function timeOf({ mtimeSeconds, mtimeNanoseconds }: TarEntry): bigint {
  if (mtimeSeconds < 0 || mtimeSeconds > MAX_SECONDS) return 0n;
  return BigInt(mtimeSeconds) * SECOND + BigInt(mtimeNanoseconds);
}
