import { invalidEntry } from "./erofsError.ts";
import type { FileNode } from "./node.ts";
import { BLOCK_BYTES, HEAD_BYTES, alignUp } from "./onDisk.ts";

/** One run to copy within the layer file. All bytes. */
export interface SpillCopy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/**
 * A file whose bytes in the tar are not one block-aligned run (sparse, or moved by a sparse map): its expanded copy
 * stands between tar and metadata. What `copies` leaves out is zero: a hole.
 */
export interface SpilledFile {
  /** Start within the layer file, a multiple of 512. */
  readonly fileOffset: number;
  /** Expanded size. The space up to the next multiple of 512 is zero. */
  readonly size: number;
  /** Ascending in `from` and `to`. */
  readonly copies: readonly SpillCopy[];
}

/** Hands out space behind the tar. */
export class SpillArea {
  readonly files: SpilledFile[] = [];
  readonly #offsets = new Map<FileNode, number>();
  readonly #tarBytes: number;
  #end: number;

  constructor(tarBytes: number) {
    this.#tarBytes = tarBytes;
    this.#end = alignUp(HEAD_BYTES + tarBytes, BLOCK_BYTES);
  }

  /** Where the next copy, and in the end the metadata, begins within the layer file. */
  get end(): number {
    return this.#end;
  }

  /** Start of a file's bytes within the layer file: in the tar if they lie there as they are, else in its copy. */
  offsetOf(node: FileNode): number {
    return this.#offsets.get(node) ?? HEAD_BYTES + node.dataOffset;
  }

  /** Makes room for a copy of the file if it needs one. */
  place(node: FileNode): void {
    const runs = node.sparse ?? [{ offset: 0, length: node.size }];
    const stored = runs.reduce((sum, run) => sum + run.length, 0);
    if (node.dataOffset + stored > this.#tarBytes) throw invalidEntry("data beyond the end of the archive");
    const start = HEAD_BYTES + node.dataOffset;
    if (stored !== node.size || start % BLOCK_BYTES !== 0) this.#copy(node, runs, start);
  }

  #copy(node: FileNode, runs: NonNullable<FileNode["sparse"]>, start: number): void {
    const fileOffset = this.#end;
    const copies: SpillCopy[] = [];
    let from = start;
    let filled = 0;
    for (const { offset, length } of runs) {
      if (offset < filled || offset + length > node.size) throw invalidEntry("sparse map out of order");
      if (length > 0) copies.push({ from, to: fileOffset + offset, length });
      from += length;
      filled = offset + length;
    }
    this.files.push({ fileOffset, size: node.size, copies });
    this.#end = alignUp(fileOffset + node.size, BLOCK_BYTES);
    this.#offsets.set(node, fileOffset);
  }
}
