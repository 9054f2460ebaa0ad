import { writeDirents } from "./dirents.ts";
import { layerLimit } from "./erofsError.ts";
import { writeInode } from "./inode.ts";
import type { InodeData } from "./inode.ts";
import type { LayerIndex } from "./layerIndex.ts";
import type { InodeNode } from "./node.ts";
import { BLOCK_BYTES, INODE_BYTES, INODE_SLOT_BYTES, MAX_BLOCKS } from "./onDisk.ts";
import { placeTree, storedXattrs } from "./placement.ts";
import type { Placement } from "./placement.ts";
import { SpillArea } from "./spill.ts";
import type { SpilledFile } from "./spill.ts";
import { encodeHead } from "./superblock.ts";
import { writeXattrBody, xattrBodyBytes } from "./xattrs.ts";

export interface ErofsLayoutOptions {
  /** Bytes of the whole tar, end blocks and trailing padding included. */
  readonly tarBytes: number;
  /** 16 bytes, unique for a layer because overlayfs tells its layers apart by it: the first 16 of the diffID. */
  readonly uuid: Uint8Array;
}

/**
 * The parts of a layer file around its tar: `[head][tar][zeros to 512][spilled files][metadata]`. The writer copies the
 * spilled files, writes the metadata, and the head last: until then the file is no layer.
 */
export interface ErofsLayout {
  /** 4096 bytes, for offset 0. */
  readonly head: Uint8Array;
  /** For `metadataOffset`; a multiple of 512 bytes, the end of the file. */
  readonly metadata: Uint8Array;
  readonly metadataOffset: number;
  readonly fileBytes: number;
  readonly inodes: number;
  /** Usually empty. */
  readonly spill: readonly SpilledFile[];
}

/**
 * Lays the tree of a layer out behind its tar. Pure: the same tree gives the same bytes; may be called again.
 * @throws {resource_exhausted} LAYER_LIMIT when the file would reach 2 TiB, where 32-bit block addresses end
 * @throws {invalid_argument} INVALID_TAR when the data of a file lies beyond tarBytes
 */
export function layoutErofs(index: LayerIndex, options: ErofsLayoutOptions): ErofsLayout {
  const placement = placeTree(index.root);
  const spill = new SpillArea(options.tarBytes);
  for (const node of placement.order) {
    if (node.kind === "file" && node.size > 0) spill.place(node);
  }
  const metadataOffset = spill.end;
  const fileBytes = metadataOffset + placement.bytes;
  // A sum that a hostile size made NaN or infinite is refused as well.
  if (!(fileBytes <= MAX_BLOCKS * BLOCK_BYTES)) throw layerLimit("the layer file would reach 2 TiB");
  const metadata = new MetadataWriter(placement, spill, metadataOffset).run();
  const { tarBytes, uuid } = options;
  const inodes = placement.order.length;
  const head = encodeHead({
    tarBytes,
    uuid,
    metadataOffset,
    fileBytes,
    inodes,
    rootNid: index.root.position / INODE_SLOT_BYTES,
  });
  return { head, metadata, metadataOffset, fileBytes, inodes, spill: spill.files };
}

class MetadataWriter {
  readonly #placement: Placement;
  readonly #spill: SpillArea;
  readonly #start: number;
  readonly #bytes: Buffer;

  constructor(placement: Placement, spill: SpillArea, start: number) {
    this.#placement = placement;
    this.#spill = spill;
    this.#start = start;
    this.#bytes = Buffer.alloc(placement.bytes);
  }

  run(): Buffer {
    for (const node of this.#placement.order) {
      const xattrs = storedXattrs(node);
      const xattrBytes = xattrBodyBytes(xattrs);
      writeInode(this.#bytes, node, this.#data(node, xattrBytes));
      if (xattrs !== undefined) writeXattrBody(this.#bytes, node.position + INODE_BYTES, xattrs);
      if (node.kind === "symlink") {
        const behind = node.position + INODE_BYTES + xattrBytes;
        this.#bytes.write(node.target, this.#placement.longTargets.get(node) ?? behind, "latin1");
      }
    }
    for (const directory of this.#placement.directories.values()) writeDirents(this.#bytes, directory);
    return this.#bytes;
  }

  #data(node: InodeNode, xattrBytes: number): InodeData {
    switch (node.kind) {
      case "directory": {
        const placed = this.#placement.directories.get(node);
        if (placed === undefined) throw new Error("directory without a place");
        return { inline: false, xattrBytes, size: placed.size, union: this.#block(placed.offset) };
      }
      case "file": {
        const union = node.size === 0 ? 0 : this.#spill.offsetOf(node) / BLOCK_BYTES;
        return { inline: false, xattrBytes, size: node.size, union };
      }
      case "symlink": {
        const own = this.#placement.longTargets.get(node);
        const union = own === undefined ? 0 : this.#block(own);
        return { inline: own === undefined, xattrBytes, size: node.target.length, union };
      }
      case "special":
        return { inline: false, xattrBytes, size: 0, union: node.rdev };
    }
  }

  /** Address of a place in the metadata as the kernel counts it: in blocks of the whole file. */
  #block(offset: number): number {
    return (this.#start + offset) / BLOCK_BYTES;
  }
}
