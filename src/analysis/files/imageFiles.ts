import { EngineError, ErrorCode } from "#errors";
import type { FileType } from "#erofs";
import { toDisplayPath } from "#tar";
import { readImageTree } from "../imageTree.ts";
import type { ImageTree } from "../imageTree.ts";
import type { LayerEntry, OpenImage } from "../openImage.ts";
import type { TreeView } from "../treeView.ts";
import { layersAtStep } from "./imageStep.ts";

/** A file of an image as a container would see it. */
export interface ImageFile {
  /** Clean, without symlinks on the way; "" is the root. latin1. */
  readonly path: string;
  /** Attributes as they hold; those of the root are made up. A further name of a file has its size. */
  readonly entry: LayerEntry;
  /** The layer that the attributes are of; -1 for the root. */
  readonly layer: number;
  /** Of the tree. */
  readonly node: number;
}

const ROOT: LayerEntry = {
  path: "",
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
};

/** As Linux: more symlinks on one way are a loop. */
const MAX_LINKS = 40;

/** Reads the index of every layer of the image. `step` as in `IMAGE@N`. @throws {invalid_argument} for a step it has not */
export async function openImageFiles(
  image: OpenImage,
  options: { readonly step?: number | undefined; readonly signal?: AbortSignal } = {},
): Promise<ImageFiles> {
  const count = layersAtStep(image, options.step);
  const tree = await readImageTree(image, options.signal === undefined ? {} : { signal: options.signal });
  return new ImageFiles(image, tree, count);
}

/**
 * The files of an image after so many of its layers. All paths are latin1, with or without leading "/"; "." and ".." are
 * resolved within the root and never leave it.
 */
export class ImageFiles {
  readonly image: OpenImage;
  readonly tree: ImageTree;
  readonly #top: number;
  readonly #views = new Map<number, TreeView>();

  constructor(image: OpenImage, tree: ImageTree, layerCount: number) {
    this.image = image;
    this.tree = tree;
    this.#top = layerCount - 1;
  }

  /**
   * What is at a path: symlinks on the way are followed within the root, the last one unless `follow` is false. undefined when
   * nothing is there. @throws {invalid_argument} SYMLINK_LOOP
   */
  find(path: string, options: { readonly follow?: boolean } = {}): ImageFile | undefined {
    const left = path.split("/").reverse();
    let node = 0;
    for (let links = 0; left.length > 0; ) {
      const name = left.pop() ?? "";
      if (name === "" || name === ".") continue;
      if (this.#typeOf(node) !== "directory") return undefined;
      if (name === "..") {
        node = this.tree.parentOf(node);
        continue;
      }
      const child = this.#child(node, name);
      if (child === undefined) return undefined;
      // A "/" behind it asks for what it leads to.
      const follows = options.follow !== false || left.length > 0;
      const target = this.#typeOf(child) === "symlink" && follows ? this.#targetOf(child) : undefined;
      if (target === undefined) {
        node = child;
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) throw symlinkLoop(path);
      left.push(...target.split("/").reverse());
      if (target.startsWith("/")) node = 0;
    }
    return this.#file(node);
  }

  /** As {@link find}. @throws {not_found} in the words of a shell's tools */
  require(path: string, options: { readonly follow?: boolean } = {}): ImageFile {
    const found = this.find(path, options);
    if (found !== undefined) return found;
    const message = `${shownPath(path)}: no such file or directory`;
    throw new EngineError("not_found", ErrorCode.CONTAINER_FILE, message);
  }

  /** What is in a directory, names in byte order; nothing for anything else. */
  *list(directory: ImageFile): Generator<ImageFile> {
    for (const child of this.tree.childrenOf(directory.node))
      if (this.#view().isPresent(child)) yield this.#file(child);
  }

  /** A directory's content, all the way down: parents first, names in byte order, itself left out. */
  *walk(directory: ImageFile): Generator<ImageFile> {
    const end = this.tree.endOf(directory.node);
    for (let node = directory.node + 1; node < end; node += 1) if (this.#view().isPresent(node)) yield this.#file(node);
  }

  /** Where a regular file's bytes are: a layer and a path in it. */
  placeOf(file: ImageFile): { readonly layer: number; readonly path: string; readonly entry: LayerEntry } {
    const { layer } = file;
    const { entry } = this.#shown(file.node);
    if (entry.hardLink !== true) return { layer, path: entry.path, entry };
    const first = this.tree.find(entry.target ?? "");
    const own = first === undefined ? undefined : this.#occurrence(first, layer);
    if (own !== undefined) return { layer, path: own.path, entry: own };
    return this.#lowerPlace(first, layer) ?? { layer, path: entry.path, entry };
  }

  /** @throws {invalid_argument} for what is no regular file */
  read(file: ImageFile, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Uint8Array> {
    if (file.entry.type !== "file") throw notRegular(file);
    const { layer, path } = this.placeOf(file);
    return this.image.readFile(layer, path, options);
  }

  /** The history step that gave a file its attributes. */
  stepOf(file: ImageFile): number {
    return this.image.layers[file.layer]?.step ?? 0;
  }

  #view(top: number = this.#top): TreeView {
    const known = this.#views.get(top);
    if (known !== undefined) return known;
    const view = this.tree.view(top + 1, top);
    this.#views.set(top, view);
    return view;
  }

  #child(node: number, name: string): number | undefined {
    const child = this.tree.find(node === 0 ? name : `${this.tree.pathOf(node)}/${name}`);
    return child !== undefined && this.#view().isPresent(child) ? child : undefined;
  }

  #shown(node: number): { readonly entry: LayerEntry; readonly layer: number } {
    const view = this.#view();
    const entry = node === 0 ? undefined : view.entryOf(node);
    return entry === undefined ? { entry: ROOT, layer: -1 } : { entry, layer: view.layerOf(node) };
  }

  #typeOf(node: number): FileType {
    return this.#shown(node).entry.type;
  }

  /** A symlink's own target; one that is a further name of another has that one's. */
  #targetOf(node: number): string {
    const { entry, layer } = this.#shown(node);
    if (entry.hardLink !== true) return entry.target ?? "";
    const first = this.tree.find(entry.target ?? "");
    return (first === undefined ? undefined : this.#occurrence(first, layer))?.target ?? "";
  }

  #file(node: number): ImageFile {
    const { entry, layer } = this.#shown(node);
    const path = this.tree.pathOf(node);
    const file = { path, entry, layer, node };
    if (entry.hardLink !== true) return file;
    const { entry: own } = this.placeOf(file);
    if (entry.type === "symlink") return { ...file, entry: { ...entry, target: this.#targetOf(node) } };
    const { mode, uid, gid, size, mtimeSeconds, xattrs } = own;
    const more = xattrs === undefined ? {} : { xattrs };
    return { ...file, entry: { ...entry, mode, uid, gid, size, mtimeSeconds, ...more } };
  }

  #occurrence(node: number, layer: number): LayerEntry | undefined {
    return this.tree.occurrencesOf(node).find((found) => found.layer === layer && found.entry.whiteout !== true)?.entry;
  }

  /** A hard link to what the layers below show. */
  #lowerPlace(
    first: number | undefined,
    layer: number,
  ): { readonly layer: number; readonly path: string; readonly entry: LayerEntry } | undefined {
    const below = this.#view(layer - 1);
    if (first === undefined || !below.isPresent(first)) return undefined;
    const entry = below.entryOf(first);
    return entry === undefined ? undefined : { layer: below.layerOf(first), path: entry.path, entry };
  }
}

/** As people read it: absolute. */
export function shownPath(path: string): string {
  const text = toDisplayPath(path);
  return text.startsWith("/") ? text : `/${text}`;
}

function symlinkLoop(path: string): EngineError {
  const message = `${shownPath(path)}: too many levels of symbolic links`;
  return new EngineError("invalid_argument", ErrorCode.SYMLINK_LOOP, message);
}

function notRegular({ path, entry }: ImageFile): EngineError {
  const what = entry.type === "directory" ? "is a directory" : "is no regular file";
  return new EngineError("invalid_argument", ErrorCode.CONTAINER_FILE, `${shownPath(path)}: ${what}`);
}
