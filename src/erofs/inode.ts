/**
 * The extended inode, 64 bytes; the 32-byte form has neither mtime nor large owners and is not used.
 * @see fs/erofs/erofs_fs.h (Linux 6.18): erofs_inode_extended
 */
import { invalidErofs } from "./erofsError.ts";
import { fileTypeOfMode } from "./fileType.ts";
import type { FileType } from "./fileType.ts";
import { INODE_EXTENDED, INODE_SLOT_BYTES, LAYOUT_FLAT_INLINE, LAYOUT_FLAT_PLAIN } from "./onDisk.ts";
import type { InodeNode } from "./node.ts";
import { xattrBytesOfCount, xattrCount } from "./xattrs.ts";

const TWO_32 = 2 ** 32;
const NANOSECONDS = 1_000_000_000;

/** Offsets within the inode. */
const FORMAT = 0;
const XATTR_COUNT = 2;
const MODE = 4;
const SIZE = 8;
const UNION = 16;
const NUMBER = 20;
const UID = 24;
const GID = 28;
const MTIME = 32;
const MTIME_NANOSECONDS = 40;
const NLINK = 44;

/** What the layout decided about an inode. */
export interface InodeData {
  /** FLAT_INLINE: the bytes follow the inode. */
  readonly inline: boolean;
  readonly size: number;
  readonly xattrBytes: number;
  /** Block address of the data, or the device number. */
  readonly union: number;
}

/** Writes at the node's position. */
export function writeInode(metadata: Buffer, node: InodeNode, data: InodeData): void {
  const at = node.position;
  const layout = data.inline ? LAYOUT_FLAT_INLINE : LAYOUT_FLAT_PLAIN;
  metadata.writeUInt16LE(INODE_EXTENDED | (layout << 1), at + FORMAT);
  metadata.writeUInt16LE(xattrCount(data.xattrBytes), at + XATTR_COUNT);
  metadata.writeUInt16LE(node.mode, at + MODE);
  metadata.writeUInt32LE(data.size % TWO_32, at + SIZE);
  metadata.writeUInt32LE(Math.floor(data.size / TWO_32), at + SIZE + 4);
  metadata.writeUInt32LE(data.union, at + UNION);
  metadata.writeUInt32LE((at / INODE_SLOT_BYTES) % TWO_32, at + NUMBER);
  metadata.writeUInt32LE(node.uid, at + UID);
  metadata.writeUInt32LE(node.gid, at + GID);
  metadata.writeUInt32LE(node.mtimeSeconds >>> 0, at + MTIME);
  metadata.writeInt32LE(Math.floor(node.mtimeSeconds / TWO_32), at + MTIME + 4);
  metadata.writeUInt32LE(node.mtimeNanoseconds, at + MTIME_NANOSECONDS);
  metadata.writeUInt32LE(node.nlink, at + NLINK);
}

/** An inode as it is stored. */
export interface StoredInode extends InodeData {
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly nlink: number;
}

/** Reads 64 bytes at `at`. @throws {data_loss} INVALID_EROFS when they are no inode that the writer makes */
export function parseInode(bytes: Buffer, at = 0): StoredInode {
  const format = bytes.readUInt16LE(at + FORMAT);
  const layout = format >> 1;
  const mode = bytes.readUInt16LE(at + MODE);
  const type = fileTypeOfMode(mode);
  if ((format & 1) !== INODE_EXTENDED || (layout !== LAYOUT_FLAT_PLAIN && layout !== LAYOUT_FLAT_INLINE)) {
    throw invalidErofs("inode of an unknown format");
  }
  const inline = layout === LAYOUT_FLAT_INLINE;
  if (type === undefined || (inline && type !== "symlink")) throw invalidErofs("inode of an unknown type");
  const mtimeSeconds = bytes.readUInt32LE(at + MTIME) + bytes.readInt32LE(at + MTIME + 4) * TWO_32;
  const mtimeNanoseconds = bytes.readUInt32LE(at + MTIME_NANOSECONDS);
  if (!Number.isSafeInteger(mtimeSeconds) || mtimeNanoseconds >= NANOSECONDS) throw invalidErofs("impossible time");
  return {
    type,
    inline,
    mode,
    size: bytes.readUInt32LE(at + SIZE) + bytes.readUInt32LE(at + SIZE + 4) * TWO_32,
    xattrBytes: xattrBytesOfCount(bytes.readUInt16LE(at + XATTR_COUNT)),
    union: bytes.readUInt32LE(at + UNION),
    uid: bytes.readUInt32LE(at + UID),
    gid: bytes.readUInt32LE(at + GID),
    mtimeSeconds,
    mtimeNanoseconds,
    nlink: bytes.readUInt32LE(at + NLINK),
  };
}
