import { EngineError, ErrorCode } from "#errors";
import { toDisplayPath } from "#tar";
import type { ImageTree } from "./imageTree.ts";
import type { LayerEntry, OpenImage } from "./openImage.ts";
import type { TreeView } from "./treeView.ts";

/** As Linux: more symlinks than this in one path are a loop. */
const MAX_LINKS = 40;

/** An image as a container of it sees it, after some of its layers. */
export interface MergedImage {
  readonly image: OpenImage;
  readonly tree: ImageTree;
  /** Every path in it is unmodified or absent. */
  readonly view: TreeView;
}

/** The image after its first `layerCount` layers; after all of them by default. */
export function mergeImage(image: OpenImage, tree: ImageTree, layerCount: number = image.layers.length): MergedImage {
  return { image, tree, view: tree.view(layerCount, layerCount - 1) };
}

/** Follows names one at a time, as a kernel does; ".." stays below the root. */
class Walk {
  readonly #merged: MergedImage;
  readonly #asked: string;
  #links = 0;

  constructor(merged: MergedImage, asked: string) {
    this.#merged = merged;
    this.#asked = asked;
  }

  to(path: string, followLast: boolean): number | undefined {
    const { tree, view } = this.#merged;
    const rest = path.split("/").reverse();
    let node = 0;
    while (rest.length > 0) {
      const name = rest.pop() ?? "";
      if (name === "" || name === ".") continue;
      if (name === "..") {
        node = tree.parentOf(node);
        continue;
      }
      const child = tree.childNamed(node, name);
      if (child === undefined || !view.isPresent(child)) return undefined;
      const entry = view.entryOf(child);
      if (entry?.type !== "symlink" || (rest.every((part) => part === "") && !followLast)) {
        node = child;
        continue;
      }
      const target = this.#targetOf(entry);
      if (target.startsWith("/")) node = 0;
      rest.push(...target.split("/").reverse());
    }
    return node;
  }

  #targetOf(link: LayerEntry): string {
    this.#links++;
    if (this.#links > MAX_LINKS) {
      throw new EngineError(
        "invalid_argument",
        ErrorCode.SYMLINK_LOOP,
        `${toDisplayPath(this.#asked)}: too many levels of symbolic links`,
      );
    }
    const target = link.target ?? "";
    if (link.hardLink !== true) return target;
    // A further name of a symlink: `target` is its first name in the layer.
    const { tree, view } = this.#merged;
    const layer = view.layerOf(tree.find(link.path) ?? 0);
    const first = tree.occurrencesOf(tree.find(target) ?? 0).find((occurrence) => occurrence.layer === layer);
    return first?.entry.target ?? "";
  }
}

/**
 * The node that a path leads to, through symlinks (those in the middle always). Takes any latin1 path, with or without a
 * leading "/". Undefined when there is nothing.
 * @throws {invalid_argument} SYMLINK_LOOP after 40 symlinks
 */
export function resolvePath(
  merged: MergedImage,
  path: string,
  options: { readonly followLast: boolean } = { followLast: true },
): number | undefined {
  return new Walk(merged, path).to(path, options.followLast);
}

/**
 * Bytes of a regular file of a merged image, all in memory.
 * @throws {resource_exhausted} when there are more than `maxBytes`
 */
export async function readWhole(
  merged: MergedImage,
  node: number,
  options: { readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<Buffer> {
  const { image, tree, view } = merged;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const { maxBytes, ...rest } = options;
  for await (const chunk of image.readFile(view.layerOf(node), tree.pathOf(node), rest)) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      const path = toDisplayPath(tree.pathOf(node));
      throw new EngineError("resource_exhausted", ErrorCode.LAYER_LIMIT, `/${path} has over ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
