/**
 * Where everything stands in the metadata area: inodes breadth first, so that those of one directory are neighbours,
 * then directory blocks, then symlink targets that do not fit beside their inode. Offsets are bytes from its start.
 */
import type { DirectoryNode, InodeNode, SymlinkNode } from "./node.ts";
import { BLOCK_BYTES, DIRENT_BYTES, INODE_BYTES, INODE_SLOT_BYTES, alignUp } from "./onDisk.ts";
import { OPAQUE_XATTR, xattrBodyBytes } from "./xattrs.ts";
import type { Xattrs } from "./xattrs.ts";

interface Listing {
  readonly node: DirectoryNode;
  /** Names in byte order, "." and ".." among them, and the inode of each. */
  readonly names: readonly string[];
  readonly inodes: readonly InodeNode[];
}

export interface PlacedDirectory extends Listing {
  readonly offset: number;
  readonly size: number;
}

export interface Placement {
  /** Every inode once, in the order of `position`; the root is first. */
  readonly order: readonly InodeNode[];
  readonly directories: ReadonlyMap<InodeNode, PlacedDirectory>;
  /** Offset of the targets that have blocks of their own. */
  readonly longTargets: ReadonlyMap<InodeNode, number>;
  readonly bytes: number;
}

const OPAQUE_VALUE: Uint8Array = Uint8Array.of("y".charCodeAt(0));

/** The attributes that the inode stores: the entry's own and overlayfs' mark of an opaque directory. */
export function storedXattrs(node: InodeNode): Xattrs | undefined {
  if (node.kind !== "directory" || !node.opaque) return node.xattrs;
  return new Map([...(node.xattrs ?? []), [OPAQUE_XATTR, OPAQUE_VALUE]]);
}

/** A target lies behind its inode if both and the attributes share one block; the kernel takes no other inline target. */
function isInlineTarget(node: SymlinkNode, xattrBytes: number): boolean {
  return INODE_BYTES + xattrBytes + node.target.length <= BLOCK_BYTES;
}

/** Sets `position` of every inode of the tree. */
export function placeTree(root: DirectoryNode): Placement {
  return new Placer().run(root);
}

class Placer {
  readonly #order: InodeNode[] = [];
  readonly #longSymlinks: SymlinkNode[] = [];
  /** Inodes of several names that already have their place. */
  readonly #shared = new Set<InodeNode>();
  /** The first slot stays empty: an inode 0 is one that C libraries leave out of listings, `..` below the root's. */
  #end = INODE_SLOT_BYTES;

  run(root: DirectoryNode): Placement {
    const listings: Listing[] = [];
    const queue: { readonly node: DirectoryNode; readonly parent: DirectoryNode }[] = [{ node: root, parent: root }];
    this.#placeInode(root);
    for (const { node, parent } of queue) {
      const names = [...node.children.keys(), ".", ".."].sort();
      const inodes = names.map((name) => this.#child(node, parent, name));
      for (const child of inodes) {
        if (child === node || child === parent) continue;
        if (child.kind === "directory") queue.push({ node: child, parent: node });
        this.#placeOnce(child);
      }
      listings.push({ node, names, inodes });
    }
    const directories = new Map<InodeNode, PlacedDirectory>();
    for (const listing of listings) {
      const size = listingBytes(listing.names);
      directories.set(listing.node, { ...listing, size, offset: this.#takeBlocks(size) });
    }
    const longTargets = new Map<InodeNode, number>();
    for (const node of this.#longSymlinks) longTargets.set(node, this.#takeBlocks(node.target.length));
    return { order: this.#order, directories, longTargets, bytes: alignUp(this.#end, BLOCK_BYTES) };
  }

  #child(node: DirectoryNode, parent: DirectoryNode, name: string): InodeNode {
    if (name === ".") return node;
    if (name === "..") return parent;
    const child = node.children.get(name);
    if (child === undefined || child.kind === "lowerHardlink") throw new Error("tree was not finished");
    return child;
  }

  #placeOnce(node: InodeNode): void {
    if (node.kind !== "directory" && node.nlink > 1) {
      if (this.#shared.has(node)) return;
      this.#shared.add(node);
    }
    this.#placeInode(node);
  }

  /** An inode never straddles a block: kernels copy it from one page. */
  #placeInode(node: InodeNode): void {
    const xattrBytes = xattrBodyBytes(storedXattrs(node));
    const room = BLOCK_BYTES - (this.#end % BLOCK_BYTES);
    let bytes = INODE_BYTES + xattrBytes;
    let together = INODE_BYTES;
    if (node.kind === "symlink") {
      if (isInlineTarget(node, xattrBytes)) {
        bytes += node.target.length;
        together = bytes;
      } else this.#longSymlinks.push(node);
    }
    if (together > room) this.#end += room;
    node.position = this.#end;
    this.#order.push(node);
    this.#end = alignUp(this.#end + bytes, INODE_SLOT_BYTES);
  }

  #takeBlocks(bytes: number): number {
    const offset = alignUp(this.#end, BLOCK_BYTES);
    this.#end = offset + bytes;
    return offset;
  }
}

/** Size of a directory: every block but the last counts whole. */
function listingBytes(names: readonly string[]): number {
  let whole = 0;
  let used = 0;
  for (const name of names) {
    const bytes = DIRENT_BYTES + name.length;
    if (used + bytes > BLOCK_BYTES) {
      whole += BLOCK_BYTES;
      used = 0;
    }
    used += bytes;
  }
  return whole + used;
}
