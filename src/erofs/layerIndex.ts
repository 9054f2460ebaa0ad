import { isWhiteoutNode } from "./node.ts";
import type { DirectoryNode, InodeNode, LayerNode } from "./node.ts";
import type { Warnings } from "./warnings.ts";

/** A hard link that this layer cannot express: `path` shall be the same inode as `target` of a lower layer. Clean, latin1. */
export interface LowerHardlink {
  readonly path: string;
  readonly target: string;
}

/** A finished layer: what a stack must mend, what the layer weighs, and the tree for `layoutErofs`. */
export interface LayerIndex {
  /** For `layoutErofs` only. */
  readonly root: DirectoryNode;
  /**
   * Directories that the layer holds although no entry names them, so that their attributes are made up. Clean latin1
   * paths, parents before children; "" is the root.
   */
  readonly impliedDirectories: readonly string[];
  /** In tree order; such a path has no inode in the layer. */
  readonly lowerHardlinks: readonly LowerHardlink[];
  /** Directories that hold at least one whiteout; "" is the root. */
  readonly whiteoutDirectories: readonly string[];
  /** What was left out or replaced, one line each, at most 20 and a count of the rest. */
  readonly warnings: readonly string[];
  /** Sum of the sizes of files (a hard-linked one once, a sparse one expanded) and of symlink targets, as Docker counts. */
  readonly contentBytes: number;
  readonly inodes: number;
}

/** Counts names and takes the hard links into lower layers out of the tree. Call once for a tree. */
export function indexTree(root: DirectoryNode, warnings: Warnings): LayerIndex {
  const stock = new Stock();
  root.nlink = 2;
  const queue: { readonly path: string; readonly node: DirectoryNode }[] = [{ path: "", node: root }];
  for (const { path, node } of queue) {
    if (node.implied) stock.impliedDirectories.push(path);
    let holdsWhiteout = false;
    for (const [name, child] of node.children) {
      const kind = stock.take(path, name, child, node);
      if (child.kind === "directory") queue.push({ path: join(path, name), node: child });
      holdsWhiteout ||= kind === "whiteout";
    }
    if (holdsWhiteout) stock.whiteoutDirectories.push(path);
  }
  const { impliedDirectories, lowerHardlinks, whiteoutDirectories, contentBytes, inodes } = stock;
  return {
    root,
    impliedDirectories,
    lowerHardlinks,
    whiteoutDirectories,
    warnings: warnings.list(),
    contentBytes,
    inodes,
  };
}

class Stock {
  readonly impliedDirectories: string[] = [];
  readonly lowerHardlinks: LowerHardlink[] = [];
  readonly whiteoutDirectories: string[] = [];
  contentBytes = 0;
  inodes = 1;

  take(parentPath: string, name: string, child: LayerNode, parent: DirectoryNode): "whiteout" | "other" {
    if (child.kind === "lowerHardlink") {
      parent.children.delete(name);
      this.lowerHardlinks.push({ path: join(parentPath, name), target: child.target });
      return "other";
    }
    child.nlink += 1;
    if (child.kind === "directory") {
      child.nlink = 2;
      parent.nlink += 1;
    }
    if (child.kind === "directory" || child.nlink === 1) this.inodes += 1;
    if (child.nlink === 1) this.contentBytes += contentBytesOf(child);
    return isWhiteoutNode(child) ? "whiteout" : "other";
  }
}

/** As dockerd's overlay2 counts a layer: lstat's size of everything but directories. */
function contentBytesOf(child: InodeNode): number {
  if (child.kind === "file") return child.size;
  return child.kind === "symlink" ? child.target.length : 0;
}

function join(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}
