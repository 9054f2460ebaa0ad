import { EngineError, ErrorCode } from "#errors";
import { baseNameOf, parentOf, toDisplayPath } from "#tar";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";
import { resolvePath } from "./resolvePath.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Attributes extends Owner {
  readonly mode: number;
  readonly mtimeSeconds: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Bytes of a file of the new layer. */
export interface FileContent {
  readonly size: number;
  /** Hands exactly `size` bytes to `use`; a chunk is valid during its call only. */
  read(use: (chunk: Uint8Array) => void): void;
}

/** Anything but a directory. Two names of one object are hard links. */
export interface DraftLeaf {
  readonly kind: "leaf";
  readonly type: "file" | "symlink" | "char" | "block" | "fifo";
  readonly attributes: Attributes;
  readonly content: FileContent | undefined;
  /** Of a symlink, latin1. */
  readonly target: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** What the base has: seen, not part of the new layer. */
interface BaseLeaf {
  readonly kind: "base";
  readonly entry: SourceEntry;
}

export interface DraftDirectory {
  readonly kind: "directory";
  readonly parent: DraftDirectory | undefined;
  readonly path: string;
  attributes: Attributes;
  /** The base has a directory at this path, whose names are seen too. */
  readonly isInBase: boolean;
  /** What the base has at this path is hidden: a directory that was replaced. */
  readonly isOpaque: boolean;
  /** Part of the new layer. */
  isTouched: boolean;
  readonly children: Map<string, DraftNode>;
}

export type DraftNode = DraftDirectory | DraftLeaf | BaseLeaf;

const WHITEOUT = ".wh.";
const REMOVAL = {
  kind: "leaf",
  type: "file",
  content: { size: 0, read: () => undefined },
  target: "",
  deviceMajor: 0,
  deviceMinor: 0,
} as const;
const ROOT: Attributes = { uid: 0, gid: 0, mode: 0o755, mtimeSeconds: 0, xattrs: undefined };

/**
 * The layer that a step makes, on top of a base that is looked into only where it matters: which names on a destination's
 * way exist, where symlinks lead. Paths are latin1, relative, clean.
 */
export class LayerDraft {
  readonly root: DraftDirectory;
  readonly #base: SourceTree | undefined;
  /** Given to directories that nobody gave a time, seconds since 1970. */
  readonly #madeAt: number;
  /** Of the base. */
  readonly #removed = new Set<string>();

  /** Without a base: the layer of `--link`, or above scratch. */
  constructor(base: SourceTree | undefined, madeAt: number) {
    this.#base = base;
    this.#madeAt = madeAt;
    const isInBase = base?.find("") !== undefined;
    this.root = {
      kind: "directory",
      parent: undefined,
      path: "",
      attributes: ROOT,
      isInBase,
      isOpaque: false,
      isTouched: false,
      children: new Map(),
    };
  }

  /** Where a path leads, all symlinks followed within the root; what does not exist keeps its name. */
  resolve(path: string): string {
    return resolvePath(path, (at) => this.linkAt(at));
  }

  /** Target of the symlink at a resolved path; undefined: none is there. */
  linkAt(path: string): string | undefined {
    const node = this.find(path);
    if (node === undefined || node.kind === "directory") return undefined;
    if (node.kind === "leaf") return node.type === "symlink" ? node.target : undefined;
    return node.entry.type === "symlink" ? this.#base?.readlink(node.entry) : undefined;
  }

  /** What is no directory at a resolved path, so that it can have another name; the base's comes up with it. */
  leafAt(path: string): DraftLeaf | undefined {
    const node = this.find(path);
    if (node === undefined || node.kind === "directory") return undefined;
    if (node.kind === "leaf") return node;
    const leaf = this.#copyUp(node.entry);
    const parent = leaf === undefined ? undefined : this.find(parentOf(path));
    if (leaf !== undefined && parent?.kind === "directory") this.replace(parent, baseNameOf(path), leaf);
    return leaf;
  }

  /** What is at a resolved path. */
  find(path: string): DraftNode | undefined {
    let node: DraftNode | undefined = this.root;
    if (path === "") return node;
    for (const name of path.split("/")) {
      if (node?.kind !== "directory") return undefined;
      node = this.child(node, name);
    }
    return node;
  }

  child(directory: DraftDirectory, name: string): DraftNode | undefined {
    const known = directory.children.get(name);
    if (known !== undefined || !directory.isInBase) return known;
    const path = joinPath(directory.path, name);
    const entry = this.#base?.find(path);
    if (entry === undefined || this.#removed.has(path)) return undefined;
    const node: DraftNode =
      entry.type === "directory" ? this.#baseDirectory(directory, entry) : { kind: "base", entry };
    directory.children.set(name, node);
    return node;
  }

  /** Makes a directory and those above it, all with these owner and mode. @throws {invalid_argument} when something else is in the way */
  makeDirectories(path: string, owner: Owner, mode = 0o755): DraftDirectory {
    let here = this.root;
    if (path === "") return here;
    for (const name of path.split("/")) {
      const next = this.child(here, name);
      if (next !== undefined && next.kind !== "directory") {
        throw refused(`mkdir /${toDisplayPath(joinPath(here.path, name))}: not a directory`);
      }
      here = next ?? this.addDirectory(here, name, { ...owner, mode, mtimeSeconds: this.#madeAt, xattrs: undefined });
    }
    return here;
  }

  /** A directory where nothing is, or in place of what is no directory. */
  addDirectory(parent: DraftDirectory, name: string, attributes: Attributes): DraftDirectory {
    checkName(name);
    this.touch(parent);
    const path = joinPath(parent.path, name);
    const directory: DraftDirectory = {
      kind: "directory",
      parent,
      path,
      attributes,
      isInBase: false,
      isOpaque: parent.isInBase && this.#base?.find(path)?.type === "directory",
      isTouched: true,
      children: new Map(),
    };
    parent.children.delete(`${WHITEOUT}${name}`);
    parent.children.set(name, directory);
    return directory;
  }

  setAttributes(directory: DraftDirectory, attributes: Attributes): void {
    directory.attributes = attributes;
    this.touch(directory);
  }

  /** @throws {invalid_argument} when a directory is there */
  addLeaf(parent: DraftDirectory, name: string, leaf: DraftLeaf): void {
    if (this.child(parent, name)?.kind === "directory") {
      const path = toDisplayPath(joinPath(parent.path, name));
      throw refused(`cannot replace to directory /${path} with file`);
    }
    this.replace(parent, name, leaf);
  }

  /** Whatever is there. */
  replace(parent: DraftDirectory, name: string, leaf: DraftLeaf): void {
    checkName(name);
    this.touch(parent);
    parent.children.delete(`${WHITEOUT}${name}`);
    parent.children.set(name, leaf);
  }

  /** What is there goes, from the base too. */
  remove(parent: DraftDirectory, name: string): void {
    this.touch(parent);
    parent.children.delete(name);
    const path = joinPath(parent.path, name);
    if (!parent.isInBase || this.#base?.find(path) === undefined) return;
    this.#removed.add(path);
    parent.children.set(`${WHITEOUT}${name}`, {
      ...REMOVAL,
      attributes: { ...ROOT, mode: 0, mtimeSeconds: this.#madeAt },
    });
  }

  /** Makes a directory, and so those above it, part of the layer. */
  touch(directory: DraftDirectory): void {
    for (let node: DraftDirectory | undefined = directory; node?.isTouched === false; node = node.parent) {
      node.isTouched = true;
    }
  }

  #copyUp(entry: SourceEntry): DraftLeaf | undefined {
    const base = this.#base;
    if (base === undefined || entry.type === "directory" || entry.type === "socket") return undefined;
    const { mode, uid, gid, mtimeSeconds, type, size, deviceMajor, deviceMinor } = entry;
    return {
      kind: "leaf",
      type,
      attributes: { mode, uid, gid, mtimeSeconds, xattrs: base.xattrs(entry) },
      content: type === "file" ? { size, read: (use) => base.read(entry, use) } : undefined,
      target: type === "symlink" ? base.readlink(entry) : "",
      deviceMajor,
      deviceMinor,
    };
  }

  #baseDirectory(parent: DraftDirectory, entry: SourceEntry): DraftDirectory {
    const { mode, uid, gid, mtimeSeconds } = entry;
    return {
      kind: "directory",
      parent,
      path: entry.path,
      attributes: { mode, uid, gid, mtimeSeconds, xattrs: this.#base?.xattrs(entry) },
      isInBase: true,
      isOpaque: false,
      isTouched: false,
      children: new Map(),
    };
  }
}

/** In a layer's tar such a name would delete another file. */
function checkName(name: string): void {
  if (!name.startsWith(WHITEOUT)) return;
  throw refused(`${toDisplayPath(name)}: no file of an image can have a name that starts with ".wh."`);
}

export function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}
