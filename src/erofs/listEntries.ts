import { parseDirentBlock } from "./dirents.ts";
import type { Dirent } from "./dirents.ts";
import { invalidErofs } from "./erofsError.ts";
import { decodeDevice } from "./fileType.ts";
import type { FileType } from "./fileType.ts";
import { parseInode } from "./inode.ts";
import type { StoredInode } from "./inode.ts";
import { BLOCK_BYTES, INODE_BYTES, INODE_SLOT_BYTES, PATH_MAX } from "./onDisk.ts";
import { parseLayerHead } from "./superblock.ts";
import { OPAQUE_XATTR, parseXattrBody } from "./xattrs.ts";

/** One name of a layer with all that its inode says. Paths and targets are latin1. */
export interface ErofsEntry {
  /** Clean, without leading "/"; never the root. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits incl. setuid, setgid, sticky: 0…0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file; 0 for a further name of one, and for all else. */
  readonly size: number;
  readonly mtimeSeconds: number;
  /** Of a symlink as it stands; of a further name, the first. */
  readonly target?: string;
  /** A further name of an inode whose first name, in the order of the list, is `target`. */
  readonly hardLink?: true;
  /** Hides the name in lower layers; its type is "char". */
  readonly whiteout?: true;
  /** A directory that hides what lower layers hold in it. */
  readonly opaque?: true;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Full name → value, without overlayfs' own; absent when there are none. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
}

interface Open {
  readonly prefix: string;
  readonly names: readonly Dirent[];
  next: number;
}

/**
 * Every name of a layer file, parents first, names in byte order, the root left out: of its head (4096 bytes) and its
 * metadata, in one pass, several times as fast as walking an {@link ErofsImage}.
 * @throws {data_loss} INVALID_EROFS on a damaged or hostile image; it neither loops nor leaves the given bytes
 */
export function listEntries(head: Uint8Array, metadata: Uint8Array): ErofsEntry[] {
  return new Lister(head, metadata).run();
}

class Lister {
  readonly #bytes: Buffer;
  readonly #metadataOffset: number;
  readonly #rootNid: number;
  readonly #entries: ErofsEntry[] = [];
  /** Of inodes of several names. */
  readonly #firstNames = new Map<number, string>();
  readonly #open: Open[] = [];
  readonly #seen = new Set<number>();
  #listedBytes = 0;

  constructor(head: Uint8Array, metadata: Uint8Array) {
    const { metadataOffset, fileBytes, rootNid } = parseLayerHead(head);
    if (metadata.length !== fileBytes - metadataOffset) throw invalidErofs("the metadata is cut off");
    this.#bytes = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.length);
    this.#metadataOffset = metadataOffset;
    this.#rootNid = rootNid;
  }

  run(): ErofsEntry[] {
    const root = this.#inode(this.#rootNid);
    if (root.type !== "directory") throw invalidErofs("the root is no directory");
    this.#enter("", this.#rootNid, root);
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      const dirent = top.names[top.next];
      top.next += 1;
      if (dirent === undefined) this.#open.pop();
      else this.#meet(top.prefix + dirent.name, dirent.nid);
    }
    return this.#entries;
  }

  #meet(path: string, nid: number): void {
    const inode = this.#inode(nid);
    if (inode.type === "directory") {
      this.#entries.push(this.#directoryEntry(path, nid, inode));
      this.#enter(`${path}/`, nid, inode);
      return;
    }
    const first = inode.nlink > 1 ? this.#firstNames.get(nid) : undefined;
    if (inode.nlink > 1 && first === undefined) this.#firstNames.set(nid, path);
    this.#entries.push(
      first === undefined
        ? this.#fileEntry(path, nid, inode)
        : { ...this.#entry(path, nid, inode), target: first, hardLink: true },
    );
  }

  #directoryEntry(path: string, nid: number, inode: StoredInode): ErofsEntry {
    if (inode.xattrBytes === 0) return this.#plain(path, inode, 0);
    const opaque = parseXattrBody(this.#xattrBody(nid, inode)).has(OPAQUE_XATTR);
    return opaque ? { ...this.#entry(path, nid, inode), opaque } : this.#entry(path, nid, inode);
  }

  #fileEntry(path: string, nid: number, inode: StoredInode): ErofsEntry {
    if (inode.type === "file" && inode.xattrBytes === 0) return this.#plain(path, inode, inode.size);
    const entry = this.#entry(path, nid, inode);
    if (inode.type === "symlink") return { ...entry, target: this.#target(nid, inode) };
    if (inode.type === "char" && inode.union === 0) return { ...entry, whiteout: true };
    if (inode.type === "char" || inode.type === "block") return { ...entry, device: decodeDevice(inode.union) };
    return inode.type === "file" ? { ...entry, size: inode.size } : entry;
  }

  #entry(path: string, nid: number, inode: StoredInode): ErofsEntry {
    const plain = this.#plain(path, inode, 0);
    if (inode.xattrBytes === 0) return plain;
    const xattrs = Object.fromEntries(
      [...parseXattrBody(this.#xattrBody(nid, inode))].filter(([name]) => name !== OPAQUE_XATTR),
    );
    return Object.keys(xattrs).length === 0 ? plain : { ...plain, xattrs };
  }

  #plain(path: string, { type, mode, uid, gid, mtimeSeconds }: StoredInode, size: number): ErofsEntry {
    return { path, type, mode: mode & 0o7777, uid, gid, size, mtimeSeconds };
  }

  #enter(prefix: string, nid: number, inode: StoredInode): void {
    // Listings of a sound image do not overlap, so that together they are smaller than the metadata.
    this.#listedBytes += inode.size;
    if (this.#seen.has(nid) || this.#listedBytes > this.#bytes.length) throw invalidErofs("directories form a loop");
    this.#seen.add(nid);
    const start = inode.union * BLOCK_BYTES - this.#metadataOffset;
    const names: Dirent[] = [];
    let previous = "";
    for (let at = 0; at < inode.size; at += BLOCK_BYTES) {
      const block = this.#read(start + at, Math.min(BLOCK_BYTES, inode.size - at));
      for (const dirent of parseDirentBlock(block)) {
        if (dirent.name <= previous) throw invalidErofs("directory is not sorted");
        previous = dirent.name;
        if (dirent.name !== "." && dirent.name !== "..") names.push(dirent);
      }
    }
    this.#open.push({ prefix, names, next: 0 });
  }

  #target(nid: number, inode: StoredInode): string {
    if (inode.size > PATH_MAX) throw invalidErofs(`inode ${nid} is no symlink`);
    const behind = nid * INODE_SLOT_BYTES + INODE_BYTES + inode.xattrBytes;
    const at = inode.inline ? behind : inode.union * BLOCK_BYTES - this.#metadataOffset;
    return this.#read(at, inode.size).toString("latin1");
  }

  #xattrBody(nid: number, { xattrBytes }: StoredInode): Buffer {
    return this.#read(nid * INODE_SLOT_BYTES + INODE_BYTES, xattrBytes);
  }

  #inode(nid: number): StoredInode {
    const at = nid * INODE_SLOT_BYTES;
    if (!(at >= 0 && at + INODE_BYTES <= this.#bytes.length)) throw invalidErofs(`inode ${nid} out of bounds`);
    return parseInode(this.#bytes, at);
  }

  #read(at: number, length: number): Buffer {
    if (!(at >= 0 && at + length <= this.#bytes.length)) throw invalidErofs("reference out of bounds");
    return this.#bytes.subarray(at, at + length);
  }
}
