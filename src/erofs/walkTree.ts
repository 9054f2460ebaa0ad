import { decodeDevice, fileTypeOfMode } from "./fileType.ts";
import type { FileType } from "./fileType.ts";
import type { LayerIndex } from "./layerIndex.ts";
import { isWhiteoutNode } from "./node.ts";
import type { DirectoryNode, InodeNode, LayerNode } from "./node.ts";

/** One name of a layer that was never laid out, see {@link walkTree}. */
export interface TreeName {
  /** Clean, latin1. */
  readonly path: string;
  /** The same object for every name of a hard-linked file. */
  readonly inode: object;
  readonly type: FileType;
  /** Permission bits incl. setuid, setgid, sticky: 0…0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** Target of a symlink, latin1. */
  readonly target: string | undefined;
  /** Of a regular file. */
  readonly data: TreeData | undefined;
  /** Of a device. */
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  readonly whiteout: boolean;
  readonly opaque: boolean;
  readonly implied: boolean;
}

/** Where a file's bytes lie within the tar. All bytes. */
export interface TreeData {
  /** As a reader sees it. */
  readonly size: number;
  readonly offset: number;
  /** Runs of a sparse file, whose stored bytes begin at `offset`; undefined when all is one run. */
  readonly sparse: readonly { readonly offset: number; readonly length: number }[] | undefined;
}

/**
 * Every name of a layer but its root, in the order of `ErofsImage.walk` over the layer file that this index would give: a directory before
 * what is below it, names in byte order.
 */
export function* walkTree(index: LayerIndex): Generator<TreeName, void, void> {
  const stack: { readonly path: string; readonly node: InodeNode }[] = childrenOf("", index.root);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { path, node } = next;
    yield nameOf(path, node);
    if (node.kind === "directory") for (const child of childrenOf(path, node)) stack.push(child);
  }
}

/** Last name first, as a stack wants it. */
function childrenOf(path: string, directory: DirectoryNode): { readonly path: string; readonly node: InodeNode }[] {
  return [...directory.children]
    .filter((pair): pair is [string, InodeNode] => isInode(pair[1]))
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([name, node]) => ({ path: path === "" ? name : `${path}/${name}`, node }));
}

function isInode(node: LayerNode): node is InodeNode {
  return node.kind !== "lowerHardlink";
}

function nameOf(path: string, node: InodeNode): TreeName {
  const type = fileTypeOfMode(node.mode);
  if (type === undefined) throw new Error(`inode of mode ${node.mode}`);
  const whiteout = isWhiteoutNode(node);
  return {
    path,
    inode: node,
    type,
    mode: node.mode & 0o7777,
    uid: node.uid,
    gid: node.gid,
    mtimeSeconds: node.mtimeSeconds,
    target: node.kind === "symlink" ? node.target : undefined,
    data: node.kind === "file" ? { size: node.size, offset: node.dataOffset, sparse: node.sparse } : undefined,
    device: (type === "char" || type === "block") && node.kind === "special" ? decodeDevice(node.rdev) : undefined,
    xattrs: node.xattrs,
    whiteout,
    opaque: node.kind === "directory" && node.opaque,
    implied: node.kind === "directory" && node.implied,
  };
}
