import { parseWhiteout, cleanTarPath, parentOf } from "#tar";
import type { TarEntry, TarEntryType, Whiteout } from "#tar";
import { checkEntry, checkPath } from "./entryCheck.ts";
import { entryXattrs } from "./entryXattrs.ts";
import { invalidEntry, layerLimit, quotePath } from "./erofsError.ts";
import { encodeDevice } from "./fileType.ts";
import { indexTree } from "./layerIndex.ts";
import type { LayerIndex } from "./layerIndex.ts";
import { DirectoryNode, FileNode, LowerHardlinkNode, SpecialNode, SymlinkNode } from "./node.ts";
import type { InodeNode, LayerNode } from "./node.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from "./onDisk.ts";
import { Warnings } from "./warnings.ts";

/** Bounds of one tree. */
export interface LayerTreeOptions {
  /** Inodes that may be made, directories that no entry names included. Default 10,000,000. */
  readonly maxInodes?: number;
}

const DEFAULT_MAX_INODES = 10_000_000;
const WHITEOUT_PART = /(?:^|\/)\.wh\./;

/**
 * The filesystem of one layer, built from the entries of its tar in their order, ready to be stacked by overlayfs:
 *
 * - last entry of a path wins; a directory upon a directory keeps what is below it and takes the last attributes
 * - a parent that no entry names is implied (0755, root, mtime 0); a parent that is no directory becomes one, a symlink
 *   is never followed
 * - `.wh.X` is a character device 0/0 named X; beside a directory X of the same layer it makes X opaque instead, beside
 *   any other X it vanishes; `.wh..wh..opq` makes its directory opaque; other AUFS names are ignored
 * - a hard link is resolved by name when it comes; one that leads out of the layer is kept for `lowerHardlinks`
 *
 * Lifecycle: `add` each entry, then `finish` once; the tree takes nothing afterwards. After a throw it is of no use.
 */
export class LayerTree {
  readonly #root = new DirectoryNode();
  /** By path, applied at the end: they speak of lower layers, whatever entry comes before or after them. */
  readonly #whiteouts: Exclude<Whiteout, { kind: "ignore" }>[] = [];
  readonly #warnings = new Warnings();
  readonly #maxInodes: number;
  #made = 1;
  #finished = false;
  /** Neighbours in a tar share their directory: the last one found, dropped when a directory leaves the tree. */
  #lastPath: string | undefined;
  #lastDirectory: DirectoryNode = this.#root;

  constructor(options: LayerTreeOptions = {}) {
    this.#maxInodes = options.maxInodes ?? DEFAULT_MAX_INODES;
  }

  /**
   * Adds the next entry of the tar.
   * @throws {invalid_argument} PATH_ESCAPE when a name or hard link holds `..`; INVALID_TAR when an entry says what no
   * filesystem can hold (NUL in a name, hard link to a directory, empty symlink, owner beyond 32 bits)
   * @throws {resource_exhausted} LAYER_LIMIT for names over 255 bytes, paths and symlink targets over 4095 bytes, too
   * many inodes, extended attributes that no inode holds
   */
  add(entry: TarEntry): void {
    if (this.#finished) throw new Error("LayerTree.add after finish");
    const path = cleanTarPath(entry.path);
    if (path.includes(".wh.") && this.#addWhiteout(path)) return;
    checkPath(path);
    checkEntry(entry, path);
    if (path === "") this.#addRoot(entry);
    else this.#addEntry(entry, path);
  }

  /** Applies the whiteouts and takes stock. */
  finish(): LayerIndex {
    if (this.#finished) throw new Error("LayerTree.finish called twice");
    this.#finished = true;
    for (const whiteout of this.#whiteouts) this.#hide(whiteout);
    return indexTree(this.#root, this.#warnings);
  }

  #addRoot(entry: TarEntry): void {
    if (entry.type === "directory") this.#fill(this.#root, entry, S_IFDIR).implied = false;
    else this.#warnings.add(`entry of type ${entry.type} names the root: ignored`);
  }

  /** False if the path is an ordinary one after all. */
  #addWhiteout(path: string): boolean {
    if (WHITEOUT_PART.test(parentOf(path))) {
      this.#warnings.add(`${quotePath(path)}: lies below a whiteout: ignored`);
      return true;
    }
    const whiteout = parseWhiteout(path);
    if (whiteout === undefined) return false;
    if (whiteout.kind === "ignore") return true;
    // The hidden name is what must fit: its marker may have 259 bytes.
    checkPath(whiteout.path);
    this.#directory(parentOf(path));
    this.#whiteouts.push(whiteout);
    return true;
  }

  #addEntry(entry: TarEntry, path: string): void {
    const { parent, name } = splitPath(path);
    const directory = this.#directory(parent);
    if (entry.type === "directory") {
      const old = directory.children.get(name);
      const node = old?.kind === "directory" ? old : this.#put(directory, name, this.#make(new DirectoryNode()));
      this.#fill(node, entry, S_IFDIR).implied = false;
    } else if (entry.type === "hardlink") {
      this.#addHardlink(entry, path, directory, name);
    } else {
      this.#put(directory, name, this.#leaf(entry, entry.type));
    }
  }

  #leaf(entry: TarEntry, type: Exclude<TarEntryType, "directory" | "hardlink">): InodeNode {
    switch (type) {
      case "file": {
        const node = this.#fill(this.#make(new FileNode(S_IFREG)), entry, S_IFREG);
        node.size = entry.size;
        node.dataOffset = entry.dataOffset;
        node.sparse = entry.sparse;
        return node;
      }
      case "symlink": {
        const node = this.#fill(this.#make(new SymlinkNode(S_IFLNK)), entry, S_IFLNK);
        node.mode = S_IFLNK | 0o777;
        node.target = entry.linkPath;
        return node;
      }
      case "char":
      case "block": {
        const format = type === "char" ? S_IFCHR : S_IFBLK;
        const node = this.#fill(this.#make(new SpecialNode(format)), entry, format);
        node.rdev = encodeDevice(entry.deviceMajor, entry.deviceMinor);
        return node;
      }
      case "fifo":
        return this.#fill(this.#make(new SpecialNode(S_IFIFO)), entry, S_IFIFO);
    }
  }

  #addHardlink(entry: TarEntry, path: string, directory: DirectoryNode, name: string): void {
    const target = cleanTarPath(entry.linkPath);
    if (target === path) return;
    const node = this.#find(target);
    if (node?.kind === "directory") {
      throw invalidEntry(`hard link ${quotePath(path)} to the directory ${quotePath(target)}`);
    }
    if (node === undefined) checkPath(target);
    this.#put(directory, name, node ?? this.#make(new LowerHardlinkNode(target)));
  }

  /** The directory at a clean path, made on the way where it is missing. */
  #directory(path: string): DirectoryNode {
    if (path === "") return this.#root;
    if (path === this.#lastPath) return this.#lastDirectory;
    let directory = this.#root;
    for (const name of path.split("/")) {
      let child = directory.children.get(name);
      if (child?.kind !== "directory") {
        if (child !== undefined)
          this.#warnings.add(`${quotePath(path)}: ${quotePath(name)} was no directory: replaced`);
        child = this.#put(directory, name, this.#make(new DirectoryNode()));
      }
      directory = child;
    }
    this.#lastPath = path;
    this.#lastDirectory = directory;
    return directory;
  }

  #find(path: string): LayerNode | undefined {
    let node: LayerNode | undefined = this.#root;
    for (const name of path === "" ? [] : path.split("/")) {
      if (node?.kind !== "directory") return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  #put<T extends LayerNode>(directory: DirectoryNode, name: string, node: T): T {
    if (directory.children.get(name)?.kind === "directory") this.#lastPath = undefined;
    directory.children.set(name, node);
    return node;
  }

  #make<T extends LayerNode>(node: T): T {
    this.#made += 1;
    if (this.#made > this.#maxInodes) throw layerLimit(`more than ${this.#maxInodes} inodes`);
    return node;
  }

  #fill<T extends InodeNode>(node: T, entry: TarEntry, format: number): T {
    node.mode = format | entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.mtimeSeconds = entry.mtimeSeconds;
    node.mtimeNanoseconds = entry.mtimeNanoseconds;
    node.xattrs = entryXattrs(entry, (name, reason) => {
      this.#warnings.add(`${quotePath(entry.path)}: attribute ${name} left out: ${reason}`);
    });
    return node;
  }

  #hide({ kind, path }: Whiteout & { readonly path: string }): void {
    const node = this.#find(path);
    if (node?.kind === "directory") node.opaque = true;
    if (node !== undefined || kind === "opaque") return;
    const { parent, name } = splitPath(path);
    const directory = this.#find(parent);
    if (directory?.kind === "directory") directory.children.set(name, this.#make(new SpecialNode(S_IFCHR)));
  }
}

function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}
