import { invalidErofs } from "./erofsError.ts";
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  COMPAT_MTIME,
  HEAD_BYTES,
  INODE_SLOT_BYTES,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
} from "./onDisk.ts";

/** "varve" and the version of the layer file, in the boot area that the kernel skips. */
const HEAD_MAGIC = "varve\0\0\u0001";
const TAR_BYTES_OFFSET = 8;
const UUID_BYTES = 16;

/** Offsets within the superblock. */
const CHECKSUM_FREE_COMPAT = 8;
const BLOCK_BITS_AT = 12;
const ROOT_NID = 14;
const INODES = 16;
const BLOCKS = 36;
const META_BLOCK = 40;
const UUID = 48;
const INCOMPAT = 80;

/** What the head of a layer file says. */
export interface LayerFileHead {
  /** Bytes of the tar that starts at byte 4096. */
  readonly tarBytes: number;
  /** 16 bytes: the first of the diffID. */
  readonly uuid: Uint8Array;
  /** Start of the EROFS metadata within the file, bytes. */
  readonly metadataOffset: number;
  /** Bytes of the whole file. */
  readonly fileBytes: number;
  readonly inodes: number;
  readonly rootNid: number;
}

/** The 4096 bytes before the tar. */
export function encodeHead(head: LayerFileHead): Uint8Array {
  if (head.uuid.length !== UUID_BYTES) throw new Error(`uuid of ${head.uuid.length} bytes`);
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.write(HEAD_MAGIC, 0, "latin1");
  bytes.writeBigUInt64LE(BigInt(head.tarBytes), TAR_BYTES_OFFSET);
  const block = bytes.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES);
  block.writeUInt32LE(SUPERBLOCK_MAGIC, 0);
  block.writeUInt32LE(COMPAT_MTIME, CHECKSUM_FREE_COMPAT);
  block[BLOCK_BITS_AT] = BLOCK_BITS;
  block.writeUInt16LE(head.rootNid, ROOT_NID);
  block.writeBigUInt64LE(BigInt(head.inodes), INODES);
  block.writeUInt32LE(head.fileBytes / BLOCK_BYTES, BLOCKS);
  block.writeUInt32LE(head.metadataOffset / BLOCK_BYTES, META_BLOCK);
  block.set(head.uuid, UUID);
  return bytes;
}

/**
 * Reads the first 4096 bytes of a layer file.
 * @throws {data_loss} INVALID_EROFS when they are not what `layoutErofs` makes, e.g. zeros of a file never finished
 */
export function parseLayerHead(head: Uint8Array): LayerFileHead {
  if (head.length < HEAD_BYTES) throw invalidErofs("head is cut off");
  const bytes = Buffer.from(head.buffer, head.byteOffset, HEAD_BYTES);
  const block = bytes.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES);
  if (bytes.toString("latin1", 0, HEAD_MAGIC.length) !== HEAD_MAGIC || block.readUInt32LE(0) !== SUPERBLOCK_MAGIC) {
    throw invalidErofs("head has no magic");
  }
  if (block[BLOCK_BITS_AT] !== BLOCK_BITS || block.readUInt32LE(INCOMPAT) !== 0) {
    throw invalidErofs("superblock has features that are not used here");
  }
  const tarBytes = Number(bytes.readBigUInt64LE(TAR_BYTES_OFFSET));
  const metadataOffset = block.readUInt32LE(META_BLOCK) * BLOCK_BYTES;
  const fileBytes = block.readUInt32LE(BLOCKS) * BLOCK_BYTES;
  const inodes = Number(block.readBigUInt64LE(INODES));
  const isOrdered = HEAD_BYTES + tarBytes <= metadataOffset && metadataOffset < fileBytes;
  if (!isOrdered || inodes * INODE_SLOT_BYTES > fileBytes) throw invalidErofs("superblock contradicts itself");
  const uuid = Uint8Array.from(block.subarray(UUID, UUID + UUID_BYTES));
  return { tarBytes, uuid, metadataOffset, fileBytes, inodes, rootNid: block.readUInt16LE(ROOT_NID) };
}
