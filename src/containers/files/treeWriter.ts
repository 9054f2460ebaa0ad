import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { findXattr } from "#host";
import { isOpaque, isWhiteout } from "#snapshots";
import { opaquePath, whiteoutPath } from "#tar";
import type { TarEntryType, TarHeader } from "#tar";
import { errnoOf, goError } from "./goError.ts";
import { fdPath, MAX_DEPTH, O_PATH, pathAt } from "./openFile.ts";
import type { TarOutput } from "./tarOutput.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const PERMISSION_BITS = 0o7777n;
const WHITEOUT_MODE = 0o600;
const CAPABILITY = "security.capability";

/** What is opened of a directory that is being written. */
interface Frame {
  readonly fd: number;
  readonly prefix: string;
  readonly names: readonly string[];
  next: number;
}

/**
 * Writes trees that their owner may change meanwhile: every name is opened in its pinned directory without following it,
 * and all that is told of it is read from that fd. What has vanished is left out. Entries as dockerd writes them: names
 * sorted, whole seconds, no sockets, of attributes only file capabilities; latin1 names.
 */
export class TreeWriter {
  readonly #output: TarOutput;
  /** True for an upper directory: whiteouts and opaque directories become OCI's marker files. */
  readonly #overlay: boolean;
  readonly #checkStop: () => void;
  /** Inode → its first name. */
  readonly #linked = new Map<string, string>();
  readonly #stack: Frame[] = [];

  constructor(output: TarOutput, options: { readonly overlay: boolean; readonly checkStop: () => void }) {
    this.#output = output;
    this.#overlay = options.overlay;
    this.#checkStop = options.checkStop;
  }

  /** A directory that is open (O_PATH suffices), and all below it: as `prefix` with `withSelf`, and `<prefix><name>`. */
  directory(fd: number, prefix: string, withSelf: boolean): void {
    if (withSelf) this.#output.header(headerOf(prefix, "directory", fstatSync(fd, { bigint: true })));
    this.#enter(fd, prefix);
    this.#drain();
  }

  /** A single thing in a directory that is open, under another name. */
  leaf(directory: number, name: string, as: string): void {
    this.#entry(directory, name, as);
    this.#drain();
  }

  #drain(): void {
    try {
      for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
        const name = frame.names[frame.next];
        frame.next += 1;
        if (name === undefined) {
          closeSync(frame.fd);
          this.#stack.pop();
        } else this.#entry(frame.fd, name, `${frame.prefix}${name}`);
      }
    } finally {
      for (const { fd } of this.#stack.splice(0)) closeSync(fd);
    }
  }

  /** `fd` stays the caller's. */
  #enter(fd: number, prefix: string): void {
    if (this.#stack.length >= MAX_DEPTH) throw goError("internal", `${prefix}: directories are nested too deeply`);
    const own = openSync(fdPath(fd), O_RDONLY | O_DIRECTORY);
    try {
      this.#stack.push({ fd: own, prefix, names: readdirSync(fdPath(own), "latin1").sort(), next: 0 });
    } catch (error) {
      closeSync(own);
      throw error;
    }
  }

  #entry(directory: number, name: string, as: string): void {
    this.#checkStop();
    let fd: number;
    try {
      fd = openSync(pathAt(directory, name), O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw error;
    }
    try {
      this.#write(fd, fstatSync(fd, { bigint: true }), as, () => readlinkSync(pathAt(directory, name), "latin1"));
    } finally {
      closeSync(fd);
    }
  }

  #write(fd: number, stat: BigIntStats, as: string, readTarget: () => string): void {
    if (stat.isSocket()) return;
    if (this.#overlay && isWhiteout(stat)) {
      this.#output.header({ ...headerOf(whiteoutPath(as), "file", stat), mode: WHITEOUT_MODE });
      return;
    }
    if (stat.isDirectory()) {
      this.#output.header(headerOf(as, "directory", stat));
      if (this.#overlay && isOpaque(Buffer.from(fdPath(fd))))
        this.#output.header({ ...headerOf(opaquePath(as), "file", stat), mode: Number(stat.mode & 0o777n) });
      this.#enter(fd, `${as}/`);
      return;
    }
    if (stat.nlink > 1n) {
      const key = `${stat.dev}:${stat.ino}`;
      const first = this.#linked.get(key);
      if (first !== undefined) {
        this.#output.header({ ...headerOf(as, "hardlink", stat), linkPath: first });
        return;
      }
      this.#linked.set(key, as);
    }
    if (stat.isFile()) this.#file(fd, stat, as);
    else if (stat.isSymbolicLink()) this.#symlink(stat, as, readTarget);
    else if (stat.isFIFO()) this.#output.header(headerOf(as, "fifo", stat));
    else
      this.#output.header({ ...headerOf(as, stat.isBlockDevice() ? "block" : "char", stat), ...deviceOf(stat.rdev) });
  }

  #file(fd: number, stat: BigIntStats, as: string): void {
    const size = Number(stat.size);
    const capability = findXattr(fdPath(fd), CAPABILITY);
    const xattrs = capability === undefined ? {} : { xattrs: new Map([[CAPABILITY, capability]]) };
    // It is a regular file, and stays that one: opening it waits for nobody.
    const data = openSync(fdPath(fd), O_RDONLY | O_NONBLOCK);
    try {
      this.#output.header({ ...headerOf(as, "file", stat), size, ...xattrs });
      this.#output.body(data, size);
    } finally {
      closeSync(data);
    }
  }

  #symlink(stat: BigIntStats, as: string, readTarget: () => string): void {
    let linkPath: string;
    try {
      linkPath = readTarget();
    } catch {
      return; // another thing has its name by now
    }
    this.#output.header({ ...headerOf(as, "symlink", stat), linkPath });
  }
}

function headerOf(path: string, type: TarEntryType, stat: BigIntStats): TarHeader {
  return {
    path,
    type,
    mode: Number(stat.mode & PERMISSION_BITS),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeSeconds: Number((stat.mtimeNs - (((stat.mtimeNs % SECOND) + SECOND) % SECOND)) / SECOND),
  };
}

const SECOND = 1_000_000_000n;

/** glibc's gnu_dev_major and gnu_dev_minor. */
function deviceOf(rdev: bigint): { readonly deviceMajor: number; readonly deviceMinor: number } {
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn)),
  };
}
