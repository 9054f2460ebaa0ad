/**
 * Directory blocks. Each holds 12-byte entries {u64 nid, u16 name offset, u8 type, u8 0}, then the names back to back;
 * the first name offset tells how many entries there are.
 * @see fs/erofs/erofs_fs.h (Linux 6.18): erofs_dirent
 */
import { invalidErofs } from "./erofsError.ts";
import { direntTypeOfMode, fileTypeOfDirent } from "./fileType.ts";
import type { FileType } from "./fileType.ts";
import { BLOCK_BYTES, DIRENT_BYTES, INODE_SLOT_BYTES, NAME_MAX } from "./onDisk.ts";
import type { PlacedDirectory } from "./placement.ts";

const TWO_32 = 2 ** 32;

/** One name of a directory. */
export interface Dirent {
  /** latin1. */
  readonly name: string;
  readonly nid: number;
  readonly type: FileType;
}

/** Writes the blocks of a directory into zeroed metadata. */
export function writeDirents(metadata: Buffer, directory: PlacedDirectory): void {
  const { names } = directory;
  let first = 0;
  for (let block = directory.offset; first < names.length; block += BLOCK_BYTES) {
    let end = first;
    let used = 0;
    while (end < names.length) {
      const bytes = DIRENT_BYTES + (names[end]?.length ?? 0);
      if (used + bytes > BLOCK_BYTES) break;
      used += bytes;
      end += 1;
    }
    writeBlock(metadata, block, directory, { first, end });
    first = end;
  }
}

interface Range {
  readonly first: number;
  readonly end: number;
}

function writeBlock(metadata: Buffer, block: number, directory: PlacedDirectory, { first, end }: Range): void {
  let nameOffset = (end - first) * DIRENT_BYTES;
  for (let index = first; index < end; index += 1) {
    const name = directory.names[index];
    const inode = directory.inodes[index];
    if (name === undefined || inode === undefined) throw new Error("directory without its names");
    const at = block + (index - first) * DIRENT_BYTES;
    const nid = inode.position / INODE_SLOT_BYTES;
    metadata.writeUInt32LE(nid % TWO_32, at);
    metadata.writeUInt32LE(Math.floor(nid / TWO_32), at + 4);
    metadata.writeUInt16LE(nameOffset, at + 8);
    metadata[at + 10] = direntTypeOfMode(inode.mode);
    metadata.write(name, block + nameOffset, "latin1");
    nameOffset += name.length;
  }
}

/**
 * Reads one block, cut to the directory's size.
 * @throws {data_loss} INVALID_EROFS when offsets, types or the order of names are wrong
 */
export function parseDirentBlock(block: Buffer): readonly Dirent[] {
  if (block.length < DIRENT_BYTES) throw invalidErofs("directory block is too short");
  const namesStart = block.readUInt16LE(8);
  if (namesStart % DIRENT_BYTES !== 0 || namesStart < DIRENT_BYTES || namesStart > block.length) {
    throw invalidErofs("directory block has a wrong count");
  }
  const dirents: Dirent[] = [];
  // One string for all names of the block: making each from bytes was half of the time of a listing.
  const names = block.toString("latin1", namesStart);
  let previous = "";
  for (let at = 0; at < namesStart; at += DIRENT_BYTES) {
    const dirent = parseDirent(block, at, names);
    if (dirent.name <= previous) throw invalidErofs("directory is not sorted");
    previous = dirent.name;
    dirents.push(dirent);
  }
  return dirents;
}

function parseDirent(block: Buffer, at: number, names: string): Dirent {
  const namesStart = block.length - names.length;
  const start = block.readUInt16LE(at + 8);
  const isLast = at + DIRENT_BYTES === namesStart;
  const end = isLast ? endOfLastName(block, start) : block.readUInt16LE(at + DIRENT_BYTES + 8);
  const type = fileTypeOfDirent(block[at + 10] ?? 0);
  if (start < namesStart || end <= start || end > block.length || type === undefined) {
    throw invalidErofs("directory entry out of bounds");
  }
  const name = names.slice(start - namesStart, end - namesStart);
  if (name.length > NAME_MAX || name.includes("\0") || name.includes("/"))
    throw invalidErofs("directory entry has an impossible name");
  return { name, nid: block.readUInt32LE(at) + block.readUInt32LE(at + 4) * TWO_32, type };
}

/** The last name of a block that is not full ends at its first zero byte. */
function endOfLastName(block: Buffer, start: number): number {
  const zero = block.indexOf(0, start);
  return zero < 0 ? block.length : zero;
}
