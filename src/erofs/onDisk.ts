/**
 * Numbers of the EROFS on-disk format and of the Linux inode that it stores. Little endian throughout.
 * @see https://docs.kernel.org/filesystems/erofs.html and fs/erofs/erofs_fs.h (Linux 6.18)
 */

/** The only block size that the writer makes and the reader takes: the unit in which a tar aligns its data. */
export const BLOCK_BYTES = 512;
export const BLOCK_BITS = 9;
/** Bytes before the tar in a layer file: room for the superblock, page aligned. */
export const HEAD_BYTES = 4096;

export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_BYTES = 128;
export const SUPERBLOCK_MAGIC = 0xe0f5e1e2;
/** Says that inodes carry mtime. The checksum bit stays off: fsck.erofs 1.8.6 crashes on it with 512-byte blocks. */
export const COMPAT_MTIME = 2;

/** A nid counts in these; inodes start at multiples. */
export const INODE_SLOT_BYTES = 32;
export const INODE_BYTES = 64;
export const DIRENT_BYTES = 12;
export const INODE_EXTENDED = 1;
export const LAYOUT_FLAT_PLAIN = 0;
export const LAYOUT_FLAT_INLINE = 2;

/** Block addresses have 32 bits, so a layer file ends before 2 TiB. */
export const MAX_BLOCKS = 0xffff_ffff;

export const NAME_MAX = 255;
/** Longest path or symlink target, without the final NUL. */
export const PATH_MAX = 4095;

export const S_IFMT = 0o170000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** `value` up to the next multiple of `unit`, also beyond 32 bits. */
export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
