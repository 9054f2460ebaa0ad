import { parentOf, toDisplayPath } from "#tar";
import type { LayerEntry } from "../openImage.ts";
import { searchLayer } from "../search.ts";
import type { SearchMatcher } from "../search.ts";
import { shownPath } from "./imageFiles.ts";
import { shownAttributes } from "./shownAttributes.ts";
import type { ShownAttributes } from "./shownAttributes.ts";

/** Something that a search found: one line of `GET /varve/v1/search`. */
export interface SearchHit extends ShownAttributes {
  readonly target?: string;
  /** The layer that has it. */
  readonly diffId: string;
  /** Images with that layer. `shown`: false when a layer above it hides or replaces the file. */
  readonly images: readonly { readonly name: string; readonly shown: boolean }[];
}

/** A layer to be searched, once for all images that have it. */
export interface SearchedLayer {
  readonly diffId: string;
  entries(): Promise<readonly LayerEntry[]>;
  /** sha256 in hex of a regular file of the layer; asked only when bytes matter. */
  digestOf(path: string): Promise<string>;
}

/** An image by its layers, base first. */
export interface SearchedImage {
  readonly name: string;
  readonly diffIds: readonly string[];
}

/** Searches layers in turn, and tells of each hit which images show it. */
export async function* searchLayers(
  layers: readonly SearchedLayer[],
  images: readonly SearchedImage[],
  matcher: SearchMatcher,
): AsyncGenerator<SearchHit> {
  const above = new Above(layers);
  for (const layer of layers) {
    const owners = images
      .filter(({ diffIds }) => diffIds.includes(layer.diffId))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    for await (const entry of searchLayer(await layer.entries(), matcher, (path) => layer.digestOf(path))) {
      const shown: { readonly name: string; readonly shown: boolean }[] = [];
      for (const { name, diffIds } of owners) {
        const upper = diffIds.slice(diffIds.lastIndexOf(layer.diffId) + 1);
        shown.push({ name, shown: !(await above.hides(upper, entry)) });
      }
      yield hitOf(entry, layer.diffId, shown);
    }
  }
}

/** Paths of layers, by layer: made for those only that lie above a hit. */
class Above {
  readonly #layers: ReadonlyMap<string, SearchedLayer>;
  readonly #entries = new Map<string, Promise<ReadonlyMap<string, LayerEntry>>>();

  constructor(layers: readonly SearchedLayer[]) {
    this.#layers = new Map(layers.map((layer) => [layer.diffId, layer]));
  }

  async hides(upper: readonly string[], { path, type }: LayerEntry): Promise<boolean> {
    for (const diffId of upper) {
      const entries = await this.#byPath(diffId);
      const same = entries.get(path);
      if (same !== undefined && (type !== "directory" || same.type !== "directory")) return true;
      for (let folder = parentOf(path); folder !== ""; folder = parentOf(folder)) {
        const over = entries.get(folder);
        if (over !== undefined && (over.type !== "directory" || over.opaque === true)) return true;
      }
    }
    return false;
  }

  #byPath(diffId: string): Promise<ReadonlyMap<string, LayerEntry>> {
    const known = this.#entries.get(diffId);
    if (known !== undefined) return known;
    const made = (this.#layers.get(diffId)?.entries() ?? Promise.resolve([])).then(
      (entries) => new Map(entries.map((entry) => [entry.path, entry])),
    );
    this.#entries.set(diffId, made);
    return made;
  }
}

function hitOf(entry: LayerEntry, diffId: string, images: SearchHit["images"]): SearchHit {
  const { target } = entry;
  return {
    ...shownAttributes(entry.path, entry),
    ...(target === undefined ? {} : { target: entry.hardLink === true ? shownPath(target) : toDisplayPath(target) }),
    diffId,
    images,
  };
}
