import { parentOf, toDisplayPath } from "#tar";
import { inTurns } from "../inTurns.ts";
import { readWhole, resolvePath } from "../mergedImage.ts";
import type { MergedImage } from "../mergedImage.ts";
import { readApk } from "./apk.ts";
import { readDpkg } from "./dpkg.ts";
import { readNpm } from "./npm.ts";
import type { FoundPackage, Package, PackageFiles } from "./package.ts";
import { readPip } from "./pip.ts";
import { readRpm } from "./rpm.ts";

/** Files of databases that are larger are not read: ten times what the largest images have. */
const MAX_FILE_BYTES = 256 << 20;
const MAX_OWNED_FILES = 5_000_000;

/** What is installed in an image, by all managers together. */
export interface PackageSet {
  /** By manager (dpkg, apk, rpm, npm, pip), then in the order of its database. */
  readonly packages: readonly Package[];
  /**
   * The packages that own a path (clean, latin1, symlinks of its directories followed or not): none, one, or one of each
   * manager that claims it. Empty for all paths unless files were asked for.
   */
  ownersOf(path: string): readonly Package[];
  /** What was there and was not read, one line each. */
  readonly notes: readonly string[];
}

export interface ReadPackagesOptions {
  /** Whether {@link PackageSet.ownersOf} shall answer: some managers keep a file for each package. Default false. */
  readonly files?: boolean;
  readonly signal?: AbortSignal;
}

class Source implements PackageFiles {
  readonly merged: MergedImage;
  readonly wantsFiles: boolean;
  readonly notes: string[] = [];
  readonly #signal: AbortSignal | undefined;

  constructor(merged: MergedImage, { files = false, signal }: ReadPackagesOptions) {
    this.merged = merged;
    this.wantsFiles = files;
    this.#signal = signal;
  }

  readonly all = inTurns;

  note(text: string): void {
    this.notes.push(text);
  }

  #nodeOf(path: string): number | undefined {
    try {
      return resolvePath(this.merged, path);
    } catch {
      // A loop of symlinks leads to no file.
      return undefined;
    }
  }

  async read(path: string): Promise<Buffer | undefined> {
    this.#signal?.throwIfAborted();
    const node = this.#nodeOf(path);
    const entry = node === undefined ? undefined : this.merged.view.entryOf(node);
    if (node === undefined || entry?.type !== "file") return undefined;
    if (entry.size > MAX_FILE_BYTES) {
      this.note(`/${toDisplayPath(path)} is not read: it has ${entry.size} bytes`);
      return undefined;
    }
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    return await readWhole(this.merged, node, { maxBytes: MAX_FILE_BYTES, ...signal });
  }
}

/** Paths as managers write them → as the image has them: `/bin/ls` is `usr/bin/ls` where /bin is a symlink. */
class Canonical {
  readonly #merged: MergedImage;
  readonly #folders = new Map<string, string>();

  constructor(merged: MergedImage) {
    this.#merged = merged;
  }

  of(path: string): string {
    const parent = parentOf(path);
    if (parent === "") return path;
    let folder = this.#folders.get(parent);
    if (folder === undefined) {
      folder = this.#resolve(parent);
      this.#folders.set(parent, folder);
    }
    return `${folder}${path.slice(parent.length)}`;
  }

  #resolve(folder: string): string {
    try {
      const node = resolvePath(this.#merged, folder);
      return node === undefined ? folder : this.#merged.tree.pathOf(node);
    } catch {
      // A loop of symlinks: nothing is owned through it.
      return folder;
    }
  }
}

class Owners {
  readonly #canonical: Canonical;
  readonly #files = new Map<string, Package | Package[]>();
  readonly #folders = new Map<string, Package>();

  constructor(merged: MergedImage) {
    this.#canonical = new Canonical(merged);
  }

  /** False when there are too many. */
  add({ pkg, files, directories }: FoundPackage): boolean {
    for (const folder of directories) this.#folders.set(this.#canonical.of(folder), pkg);
    for (const file of files) {
      if (this.#files.size >= MAX_OWNED_FILES) return false;
      const path = this.#canonical.of(file);
      const known = this.#files.get(path);
      // Nearly every file has one owner: no array for those.
      if (known === undefined) this.#files.set(path, pkg);
      else if (Array.isArray(known)) known.push(pkg);
      else this.#files.set(path, [known, pkg]);
    }
    return true;
  }

  of(path: string): readonly Package[] {
    const canonical = this.#canonical.of(path);
    const known = this.#files.get(canonical) ?? [];
    const owners = new Set(Array.isArray(known) ? known : [known]);
    for (let folder = canonical; folder !== ""; folder = parentOf(folder)) {
      const owner = this.#folders.get(folder);
      if (owner === undefined) continue;
      owners.add(owner);
      break;
    }
    return [...owners];
  }
}

/**
 * The packages of an image, from the databases that their managers left in it; nothing is run. A database that cannot be
 * read is noted and left out.
 */
export async function readPackages(merged: MergedImage, options: ReadPackagesOptions = {}): Promise<PackageSet> {
  const source = new Source(merged, options);
  const found: FoundPackage[] = [];
  for (const read of [readDpkg, readApk, readRpm, readNpm, readPip]) {
    for (const item of await read(source)) found.push(item);
  }
  const owners = new Owners(merged);
  if (source.wantsFiles && !found.every((item) => owners.add(item))) {
    source.note(`of owned files only the first ${MAX_OWNED_FILES} are known`);
  }
  return {
    packages: found.map(({ pkg }) => pkg),
    ownersOf: (path) => (source.wantsFiles ? owners.of(path) : []),
    notes: source.notes,
  };
}
