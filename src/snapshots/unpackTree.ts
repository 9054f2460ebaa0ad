/**
 * A layer file's tree written out as real files, for hosts that cannot mount it. Runs in a worker: 98 % of its time is the
 * filesystem making inodes. Safe by construction: the target is ours alone and starts empty, parents are directories that
 * were just made here, so that no symlink of the layer is ever walked through.
 */
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { openErofs } from "#erofs";
import type { ErofsImage, ErofsStat, WalkedEntry } from "#erofs";
import { isErrno, makeNode, setTimes, setXattr } from "#host";
import { parentOf } from "#tar";

export interface UnpackOptions {
  /** The layer file. */
  readonly source: string;
  /** An existing directory that becomes the layer's root. What a fixup finds there is kept. */
  readonly target: string;
  /** Directories whose whiteouts are left out; latin1. */
  readonly ghosts: ReadonlySet<string>;
}

const COPY_BYTES = 1 << 20;
const NANOSECONDS = 1_000_000_000n;
const NODE_TYPES: Readonly<Record<"char" | "block" | "fifo", number>> = {
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
};

/** @throws what the filesystem says; the target is then half made and of no use. */
export function unpackTree(options: UnpackOptions): void {
  const fd = openSync(options.source, "r");
  try {
    const read = (offset: number, length: number): Buffer => {
      const bytes = Buffer.allocUnsafe(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    new TreeUnpacker(openErofs({ read }), fd, options).run();
  } finally {
    closeSync(fd);
  }
}

class TreeUnpacker {
  readonly #image: ErofsImage;
  readonly #fd: number;
  readonly #target: Buffer;
  readonly #ghosts: ReadonlySet<string>;
  /** nid → the first name of an inode that has several. */
  readonly #linked = new Map<number, Buffer>();
  readonly #directories: WalkedEntry[] = [];
  readonly #buffer = Buffer.allocUnsafe(COPY_BYTES);
  readonly #zeros = Buffer.alloc(COPY_BYTES);

  constructor(image: ErofsImage, fd: number, { target, ghosts }: UnpackOptions) {
    this.#image = image;
    this.#fd = fd;
    this.#target = Buffer.from(target);
    this.#ghosts = ghosts;
  }

  run(): void {
    for (const entry of this.#image.walk()) this.#make(entry);
    // Deepest first, and after all that is in them: making a file changes its directory's time.
    for (const { path, stat } of this.#directories.reverse()) this.#setAttributes(this.#at(path), stat);
  }

  #at(path: string): Buffer {
    return path === "" ? this.#target : Buffer.concat([this.#target, Buffer.from(`/${path}`, "latin1")]);
  }

  #make(entry: WalkedEntry): void {
    const { path, stat } = entry;
    const at = this.#at(path);
    if (stat.type === "directory") {
      if (path !== "") makeDirectory(at);
      this.#directories.push(entry);
      return;
    }
    if (this.#ghosts.has(parentOf(path)) && this.#image.isWhiteout(stat.nid)) return;
    const first = this.#linked.get(stat.nid);
    if (first !== undefined) {
      linkSync(first, at);
      return;
    }
    if (stat.nlink > 1) this.#linked.set(stat.nid, at);
    this.#makeLeaf(at, stat);
    this.#setAttributes(at, stat);
  }

  #makeLeaf(at: Buffer, stat: ErofsStat): void {
    switch (stat.type) {
      case "file":
        this.#copyFile(at, stat);
        break;
      case "symlink":
        symlinkSync(Buffer.from(this.#image.readlink(stat.nid), "latin1"), at);
        break;
      case "char":
      case "block":
      case "fifo":
        makeNode(at, { mode: NODE_TYPES[stat.type] | stat.mode, ...stat.device });
        break;
      case "directory":
        break;
    }
  }

  /** Stretches of zeros stay holes. */
  #copyFile(at: Buffer, stat: ErofsStat): void {
    const extent = this.#image.fileExtent(stat.nid);
    const out = openSync(at, "wx", 0o600);
    try {
      for (let done = 0; done < extent.length; ) {
        const wanted = Math.min(COPY_BYTES, extent.length - done);
        const got = readSync(this.#fd, this.#buffer, 0, wanted, extent.offset + done);
        if (got === 0) throw new Error("a layer file is cut short");
        if (this.#buffer.compare(this.#zeros, 0, got, 0, got) !== 0) this.#write(out, got, done);
        done += got;
      }
      ftruncateSync(out, stat.size);
    } finally {
      closeSync(out);
    }
  }

  #write(out: number, length: number, position: number): void {
    for (let done = 0; done < length; ) done += writeSync(out, this.#buffer, done, length - done, position + done);
  }

  /** Owner first: a change of owner clears setuid bits and capabilities. */
  #setAttributes(at: Buffer, stat: ErofsStat): void {
    lchownSync(at, stat.uid, stat.gid);
    if (stat.type !== "symlink") chmodSync(at, stat.mode);
    for (const [name, value] of this.#image.xattrs(stat.nid)) setXattr(at, name, value);
    setTimes(at, { modified: BigInt(stat.mtimeSeconds) * NANOSECONDS + BigInt(stat.mtimeNanoseconds) });
  }
}

/** A fixup names directories that are there already. */
function makeDirectory(at: Buffer): void {
  try {
    mkdirSync(at, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
