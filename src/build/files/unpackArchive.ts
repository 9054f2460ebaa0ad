import { baseNameOf, parentOf, toDisplayPath } from "#tar";
import type { TarEntry } from "#tar";
import { refused } from "./layerDraft.ts";
import type { Attributes, DraftDirectory, DraftLeaf, LayerDraft } from "./layerDraft.ts";
import type { OpenedArchive } from "./openArchive.ts";
import { resolvePath } from "./resolvePath.ts";
import { cleanRelative } from "./selectEntries.ts";
import { joinPath } from "./sourceTree.ts";

const KEPT_XATTRS = /^(?:user\.|security\.capability$|system\.posix_acl_(?:access|default)$)/;
const MAX_PATH_BYTES = 4096;

/**
 * Puts an archive's entries below a directory of a draft, as tar unpacks them in a process whose root that directory is:
 * neither names nor symlinks lead out of it. Owners and modes are the archive's; a later entry replaces an earlier one.
 * @throws {invalid_argument} when an entry cannot be put where it says
 */
export function unpackArchive(draft: LayerDraft, destination: DraftDirectory, archive: OpenedArchive): void {
  const unpacking = new Unpacking(draft, destination, archive);
  for (const entry of archive.entries) unpacking.put(entry);
}

class Unpacking {
  readonly #draft: LayerDraft;
  readonly #top: DraftDirectory;
  readonly #archive: OpenedArchive;

  constructor(draft: LayerDraft, top: DraftDirectory, archive: OpenedArchive) {
    this.#draft = draft;
    this.#top = top;
    this.#archive = archive;
  }

  put(entry: TarEntry): void {
    const path = cleanRelative(entry.path);
    if (path === "") return;
    if (path.length > MAX_PATH_BYTES) throw refused(`open /${path.slice(0, 200)}…: file name too long`);
    const parent = this.#parentOf(path);
    const name = baseNameOf(path);
    if (entry.type === "directory") this.#putDirectory(parent, name, entry);
    else if (entry.type === "hardlink") this.#putLink(parent, name, entry);
    else this.#draft.replace(parent, name, this.#leafOf(entry));
  }

  /** Within the destination, which is the root of all paths here. */
  #resolve(path: string): string {
    return resolvePath(path, (at) => this.#draft.linkAt(this.#at(at)));
  }

  #at(path: string): string {
    return path === "" ? this.#top.path : joinPath(this.#top.path, path);
  }

  #parentOf(path: string): DraftDirectory {
    const parent = parentOf(path);
    const resolved = this.#resolve(parent);
    const there = this.#draft.find(this.#at(resolved));
    if (there?.kind === "directory") return there;
    // What is not there is made, but not where a symlink or a file is in the way.
    const own = joinPath(this.#resolve(parentOf(parent)), baseNameOf(parent));
    const isLink = this.#draft.linkAt(this.#at(own)) !== undefined;
    if (isLink || there !== undefined) throw refused(`open /${toDisplayPath(path)}: no such file or directory`);
    return this.#draft.makeDirectories(this.#at(resolved), { uid: 0, gid: 0 });
  }

  #putDirectory(parent: DraftDirectory, name: string, entry: TarEntry): void {
    const there = this.#draft.child(parent, name);
    if (there?.kind === "directory") this.#draft.setAttributes(there, attributesOf(entry));
    else this.#draft.addDirectory(parent, name, attributesOf(entry));
  }

  #putLink(parent: DraftDirectory, name: string, entry: TarEntry): void {
    const target = cleanRelative(entry.linkPath);
    const resolved = joinPath(this.#resolve(parentOf(target)), baseNameOf(target));
    const node = this.#draft.leafAt(this.#at(resolved));
    if (node === undefined) {
      const [from, to] = [toDisplayPath(target), toDisplayPath(cleanRelative(entry.path))];
      throw refused(`link /${from} /${to}: no such file or directory`);
    }
    this.#draft.replace(parent, name, node);
  }

  #leafOf(entry: TarEntry): DraftLeaf {
    if (entry.type === "directory" || entry.type === "hardlink") throw new TypeError(`${entry.type} is no leaf`);
    return {
      kind: "leaf",
      type: entry.type,
      attributes: attributesOf(entry),
      content: entry.type === "file" ? this.#archive.contentOf(entry) : undefined,
      target: entry.type === "symlink" ? entry.linkPath : "",
      deviceMajor: entry.deviceMajor,
      deviceMinor: entry.deviceMinor,
    };
  }
}

function attributesOf({ mode, uid, gid, mtimeSeconds, xattrs }: TarEntry): Attributes {
  const kept = [...(xattrs ?? [])].filter(([name]) => KEPT_XATTRS.test(name));
  return { mode, uid, gid, mtimeSeconds, xattrs: kept.length === 0 ? undefined : new Map(kept) };
}
