import { parseDirentBlock } from "./dirents.ts";
import type { Dirent } from "./dirents.ts";
import { invalidErofs } from "./erofsError.ts";
import { decodeDevice } from "./fileType.ts";
import type { FileType } from "./fileType.ts";
import { ImageWindow } from "./imageWindow.ts";
import type { ErofsSource } from "./imageWindow.ts";
import { parseInode } from "./inode.ts";
import type { StoredInode } from "./inode.ts";
import { BLOCK_BYTES, HEAD_BYTES, INODE_BYTES, INODE_SLOT_BYTES, PATH_MAX } from "./onDisk.ts";
import { parseLayerHead } from "./superblock.ts";
import type { LayerFileHead } from "./superblock.ts";
import { OPAQUE_XATTR, parseXattrBody } from "./xattrs.ts";
import type { Xattrs } from "./xattrs.ts";

/** What `stat` tells of an inode. */
export interface ErofsStat {
  readonly nid: number;
  readonly type: FileType;
  /** Permission bits incl. setuid, setgid, sticky: 0…0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file, of a symlink's target, of a directory's listing; else 0. */
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly nlink: number;
  /** 0:0 for what is no device. A character device 0:0 is an overlayfs whiteout. */
  readonly device: { readonly major: number; readonly minor: number };
}

/** Where a file's bytes lie within the layer file. All bytes. */
export interface FileExtent {
  readonly offset: number;
  readonly length: number;
}

/** One inode met by {@link ErofsImage.walk}. */
export interface WalkedEntry {
  /** Clean, latin1; "" is the root. */
  readonly path: string;
  readonly stat: ErofsStat;
}

/**
 * Opens a layer file for reading, without mount or privilege; of its tar nothing is read.
 * @throws {data_loss} INVALID_EROFS when head or root are damaged
 */
export function openErofs(source: ErofsSource): ErofsImage {
  return new ErofsImage(source);
}

/**
 * The filesystem in a layer file. Inodes are told apart by nid, a number that stays valid for this image; hard links
 * share it. Every method throws `data_loss` INVALID_EROFS on a damaged or hostile image: none reads out of its bounds,
 * none loops.
 */
export class ErofsImage {
  readonly head: LayerFileHead;
  readonly #window: ImageWindow;

  constructor(source: ErofsSource) {
    this.head = parseLayerHead(source.read(0, HEAD_BYTES));
    this.#window = new ImageWindow(source, this.head.metadataOffset, this.head.fileBytes);
    if (this.#inode(this.root).type !== "directory") throw invalidErofs("the root is no directory");
  }

  /** nid of the root directory. */
  get root(): number {
    return this.head.rootNid;
  }

  stat(nid: number): ErofsStat {
    const inode = this.#inode(nid);
    const { type, uid, gid, mtimeSeconds, mtimeNanoseconds, nlink } = inode;
    const isDevice = type === "char" || type === "block";
    const device = isDevice ? decodeDevice(inode.union) : { major: 0, minor: 0 };
    const mode = inode.mode & 0o7777;
    return { nid, type, mode, uid, gid, size: inode.size, mtimeSeconds, mtimeNanoseconds, nlink, device };
  }

  /**
   * nid of a clean latin1 path, "" for the root; undefined if there is none. Symlinks are not followed, whiteouts are
   * found like anything else.
   */
  lookup(path: string): number | undefined {
    let nid: number | undefined = this.root;
    for (const name of path === "" ? [] : path.split("/")) {
      if (nid === undefined) return undefined;
      nid = this.#lookupIn(nid, name);
    }
    return nid;
  }

  /** The names of a directory in byte order, without "." and "..". */
  *readDirectory(nid: number): Generator<Dirent> {
    const inode = this.#directory(nid);
    let previous = "";
    for (let index = 0; index * BLOCK_BYTES < inode.size; index += 1) {
      for (const dirent of this.#direntBlock(inode, index)) {
        if (dirent.name <= previous) throw invalidErofs("directory is not sorted");
        previous = dirent.name;
        if (dirent.name !== "." && dirent.name !== "..") yield dirent;
      }
    }
  }

  /** Full name (`security.capability`) → value; empty if there are none. */
  xattrs(nid: number): Xattrs {
    const { xattrBytes } = this.#inode(nid);
    return parseXattrBody(this.#window.read(this.#offset(nid) + INODE_BYTES, xattrBytes));
  }

  /** Target of a symlink, latin1. */
  readlink(nid: number): string {
    const inode = this.#inode(nid);
    if (inode.type !== "symlink" || inode.size > PATH_MAX) throw invalidErofs(`inode ${nid} is no symlink`);
    const behind = this.#offset(nid) + INODE_BYTES + inode.xattrBytes;
    return this.#window.read(inode.inline ? behind : inode.union * BLOCK_BYTES, inode.size).toString("latin1");
  }

  /** Where the bytes of a regular file lie; length 0 for an empty one. */
  fileExtent(nid: number): FileExtent {
    const inode = this.#inode(nid);
    if (inode.type !== "file") throw invalidErofs(`inode ${nid} is no file`);
    if (inode.size === 0) return { offset: HEAD_BYTES, length: 0 };
    const offset = inode.union * BLOCK_BYTES;
    if (offset < HEAD_BYTES || offset + inode.size > this.head.metadataOffset) {
      throw invalidErofs("file data out of bounds");
    }
    return { offset, length: inode.size };
  }

  /** True for an overlayfs whiteout: it hides the name in lower layers. */
  isWhiteout(nid: number): boolean {
    const inode = this.#inode(nid);
    return inode.type === "char" && inode.union === 0;
  }

  /** True for a directory that hides what lower layers hold in it. */
  isOpaque(nid: number): boolean {
    const inode = this.#inode(nid);
    return inode.type === "directory" && inode.xattrBytes > 0 && this.xattrs(nid).has(OPAQUE_XATTR);
  }

  /**
   * Every name of the image, the root first, a directory before what is below it, names in byte order. A hard-linked
   * inode comes once for each of its names.
   */
  *walk(): Generator<WalkedEntry> {
    const seen = new Set<number>();
    let listed = 0;
    const stack: { readonly path: string; readonly nid: number }[] = [{ path: "", nid: this.root }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { path, nid } = next;
      const stat = this.stat(nid);
      yield { path, stat };
      if (stat.type !== "directory") continue;
      // Listings of a sound image do not overlap, so that together they are smaller than the metadata.
      listed += stat.size;
      if (seen.has(nid) || listed > this.#window.bytes) throw invalidErofs("directories form a loop");
      seen.add(nid);
      const below = [...this.readDirectory(nid)].map(({ name, nid }) => ({
        path: path === "" ? name : `${path}/${name}`,
        nid,
      }));
      for (const entry of below.reverse()) stack.push(entry);
    }
  }

  #offset(nid: number): number {
    return this.head.metadataOffset + nid * INODE_SLOT_BYTES;
  }

  #inode(nid: number): StoredInode {
    if (!Number.isSafeInteger(nid) || nid < 0) throw invalidErofs(`inode ${nid} out of bounds`);
    return parseInode(this.#window.read(this.#offset(nid), INODE_BYTES));
  }

  #directory(nid: number): StoredInode {
    const inode = this.#inode(nid);
    if (inode.type !== "directory") throw invalidErofs(`inode ${nid} is no directory`);
    if (inode.size > this.#window.bytes) throw invalidErofs("directory out of bounds");
    return inode;
  }

  #direntBlock(directory: StoredInode, index: number): readonly Dirent[] {
    const start = index * BLOCK_BYTES;
    const length = Math.min(BLOCK_BYTES, directory.size - start);
    return parseDirentBlock(this.#window.read(directory.union * BLOCK_BYTES + start, length));
  }

  /** Binary search over the blocks, then over the names of one. */
  #lookupIn(nid: number, name: string): number | undefined {
    const inode = this.#inode(nid);
    if (inode.type !== "directory" || name === "." || name === "..") return undefined;
    let low = 0;
    let high = Math.ceil(this.#directory(nid).size / BLOCK_BYTES) - 1;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const block = this.#direntBlock(inode, middle);
      const first = block[0]?.name ?? "";
      const last = block[block.length - 1]?.name ?? "";
      if (name < first) high = middle - 1;
      else if (name > last) low = middle + 1;
      else return block.find((dirent) => dirent.name === name)?.nid;
    }
    return undefined;
  }
}
