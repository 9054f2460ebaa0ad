import { S_IFCHR, S_IFDIR, S_IFMT } from "./onDisk.ts";

/** One inode while its layer is built. Mutable, and never seen outside the room. */
class Inode {
  /** Full `st_mode`. */
  mode: number;
  uid = 0;
  gid = 0;
  mtimeSeconds = 0;
  mtimeNanoseconds = 0;
  xattrs: ReadonlyMap<string, Uint8Array> | undefined = undefined;
  /** 0 until `LayerTree.finish` counts the names that are left. */
  nlink = 0;
  /** Bytes from the start of the metadata area, set by the layout. */
  position = 0;

  constructor(mode: number) {
    this.mode = mode;
  }
}

export class DirectoryNode extends Inode {
  readonly kind = "directory";
  readonly children: Map<string, LayerNode> = new Map();
  /** Made for what lies below it; no entry has named it yet. */
  implied = true;
  /** Hides what lower layers hold at this path. */
  opaque = false;

  constructor() {
    super(S_IFDIR | 0o755);
  }
}

export class FileNode extends Inode {
  readonly kind = "file";
  size = 0;
  /** Within the tar stream. */
  dataOffset = 0;
  /** Undefined if the bytes lie in one run at dataOffset. */
  sparse: readonly { readonly offset: number; readonly length: number }[] | undefined = undefined;
}

export class SymlinkNode extends Inode {
  readonly kind = "symlink";
  target = "";
}

/** Character and block devices, fifos, and overlayfs whiteouts (character device 0/0). */
export class SpecialNode extends Inode {
  readonly kind = "special";
  rdev = 0;
}

/** A hard link whose target is not in this layer: kept in place while the tree grows, reported and removed at the end. */
export class LowerHardlinkNode {
  readonly kind = "lowerHardlink";
  readonly target: string;

  constructor(target: string) {
    this.target = target;
  }
}

/** What gets an inode in the image. */
export type InodeNode = DirectoryNode | FileNode | SymlinkNode | SpecialNode;
export type LayerNode = InodeNode | LowerHardlinkNode;

export function isWhiteoutNode(node: LayerNode): boolean {
  return node.kind === "special" && (node.mode & S_IFMT) === S_IFCHR && node.rdev === 0;
}
