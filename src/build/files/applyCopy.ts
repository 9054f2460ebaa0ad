import { fromDisplayPath, parentOf, toDisplayPath } from "#tar";
import type { CopyAction } from "../graph/operation.ts";
import type { ModeChange } from "./fileMode.ts";
import { refused } from "./layerDraft.ts";
import type { Attributes, DraftDirectory, DraftLeaf, LayerDraft, Owner } from "./layerDraft.ts";
import type { SelectedEntry, Selection } from "./selectEntries.ts";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";

/** What shapes all that one COPY puts down. */
export interface CopyRules {
  /** `--chown`; undefined: the source's, or root's. */
  readonly owner: Owner | undefined;
  readonly keepOwner: boolean;
  readonly mode: ModeChange | undefined;
}

export interface Destination {
  readonly path: string;
  readonly isDirectory: boolean;
  /** A directory goes into it, not what is in that. */
  readonly keepsName?: boolean;
}

export function destinationOf(action: Pick<CopyAction, "destination" | "destinationIsDirectory">): Destination {
  return { path: fromDisplayPath(action.destination), isDirectory: action.destinationIsDirectory };
}

const ROOT_OWNER: Owner = { uid: 0, gid: 0 };

/** Puts selections at their place in a draft, one after another, as fsutil (BuildKit's copier) does. */
export class CopyPlacer {
  readonly #draft: LayerDraft;
  readonly #rules: CopyRules;

  constructor(draft: LayerDraft, rules: CopyRules) {
    this.#draft = draft;
    this.#rules = rules;
  }

  /** @throws {invalid_argument} when the destination does not allow it */
  place(tree: SourceTree, selection: Selection, destination: Destination): void {
    const { top, name, below } = selection;
    if (top.type !== "directory") {
      const { parent, name: target } = this.placeOf(name, destination);
      this.#putEntry(tree, { parent, name: target, entry: top, links: new Map() });
      return;
    }
    const directory = this.openDirectory(this.#destinationOf(name, destination));
    const { mtimeSeconds } = top;
    // Owner and mode of where a tree goes to stay; its time becomes the source's.
    if (directory !== this.#draft.root) {
      this.#draft.setAttributes(directory, { ...directory.attributes, mtimeSeconds });
    }
    this.#copyBelow(tree, directory, below);
  }

  #destinationOf(name: string, destination: Destination): Destination {
    const { path, keepsName } = destination;
    const last = lastName(name);
    const isInto =
      keepsName === true && last !== "" && this.#draft.find(this.#prepare(destination))?.kind === "directory";
    return isInto ? { path: joinPath(path.replace(/\/$/, ""), last), isDirectory: false } : destination;
  }

  /** Where a single file goes: into the destination when that is a directory. */
  placeOf(name: string, destination: Destination): { readonly parent: DraftDirectory; readonly name: string } {
    const path = this.#prepare(destination);
    const isDirectory = this.#draft.find(path)?.kind === "directory";
    const target = isDirectory ? joinPath(path, lastName(name)) : path;
    const parent = this.#draft.makeDirectories(parentOf(target), this.#rules.owner ?? ROOT_OWNER);
    return { parent, name: lastName(target) };
  }

  /** The destination of a tree, made when missing. */
  openDirectory(destination: Destination): DraftDirectory {
    const path = this.#prepare(destination);
    const node = this.#draft.find(path);
    if (node !== undefined && node.kind !== "directory") throw notDirectory(path);
    return node ?? this.#draft.makeDirectories(path, this.#rules.owner ?? ROOT_OWNER);
  }

  /** Where an archive is unpacked: a directory, whatever the name says. */
  makeRoot({ path }: Destination): DraftDirectory {
    return this.#draft.makeDirectories(this.#draft.resolve(path), this.#rules.owner ?? ROOT_OWNER);
  }

  attributesOf(tree: SourceTree, entry: SourceEntry): Attributes {
    const { owner, keepOwner, mode } = this.#rules;
    const { uid, gid } = owner ?? (keepOwner ? entry : ROOT_OWNER);
    return {
      uid,
      gid,
      mode: mode === undefined || entry.type === "symlink" ? entry.mode : mode(entry.mode, entry.type === "directory"),
      mtimeSeconds: entry.mtimeSeconds,
      xattrs: tree.xattrs(entry),
    };
  }

  #prepare({ path, isDirectory }: Destination): string {
    const above = isDirectory ? path : path.slice(0, path.lastIndexOf("/") + 1);
    this.#draft.makeDirectories(this.#draft.resolve(above), this.#rules.owner ?? ROOT_OWNER);
    return this.#draft.resolve(path);
  }

  #copyBelow(tree: SourceTree, top: DraftDirectory, below: readonly SelectedEntry[]): void {
    const directories = new Map<string, DraftDirectory>([["", top]]);
    const links = new Map<string, DraftLeaf>();
    for (const { entry, path, isIncluded } of below) {
      const parent = directories.get(parentOf(path));
      if (parent === undefined) throw new Error(`${toDisplayPath(path)} comes before its directory`);
      const name = lastName(path);
      if (entry.type !== "directory") this.#putEntry(tree, { parent, name, entry, links });
      else directories.set(path, this.#putDirectory(tree, { parent, name, entry, isIncluded }));
    }
  }

  #putDirectory(
    tree: SourceTree,
    { parent, name, entry, isIncluded }: PutEntry & { readonly isIncluded: boolean },
  ): DraftDirectory {
    const there = this.#draft.child(parent, name);
    if (there === undefined) return this.#draft.addDirectory(parent, name, this.attributesOf(tree, entry));
    if (there.kind !== "directory") throw notDirectory(joinPath(parent.path, name));
    if (!isIncluded) {
      this.#draft.setAttributes(there, { ...there.attributes, mode: entry.mode });
      return there;
    }
    const attributes = this.attributesOf(tree, entry);
    const xattrs = new Map([...(there.attributes.xattrs ?? []), ...(attributes.xattrs ?? [])]);
    this.#draft.setAttributes(there, { ...attributes, xattrs: xattrs.size === 0 ? undefined : xattrs });
    return there;
  }

  #putEntry(
    tree: SourceTree,
    { parent, name, entry, links }: PutEntry & { readonly links: Map<string, DraftLeaf> },
  ): void {
    // No layer can hold one; it means nothing without its process anyway.
    if (entry.type === "socket" || entry.type === "directory") return;
    const first = entry.inode === undefined ? undefined : links.get(entry.inode);
    const leaf: DraftLeaf = first ?? {
      kind: "leaf",
      type: entry.type,
      attributes: this.attributesOf(tree, entry),
      content: entry.type === "file" ? { size: entry.size, read: (use) => tree.read(entry, use) } : undefined,
      target: entry.type === "symlink" ? tree.readlink(entry) : "",
      deviceMajor: entry.deviceMajor,
      deviceMinor: entry.deviceMinor,
    };
    if (entry.inode !== undefined) links.set(entry.inode, leaf);
    this.#draft.addLeaf(parent, name, leaf);
  }
}

interface PutEntry {
  readonly parent: DraftDirectory;
  readonly name: string;
  readonly entry: SourceEntry;
}

function notDirectory(path: string): Error {
  return refused(`cannot copy to non-directory: /${toDisplayPath(path)}`);
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
