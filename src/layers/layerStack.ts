import type { ErofsStat } from "#erofs";
import { parentOf } from "#tar";
import type { LayerInfo } from "./layer.ts";
import type { LayerReader } from "./layerReader.ts";

/** One layer of a stack, with what its file alone cannot say. */
export interface StackedLayer {
  readonly reader: LayerReader;
  readonly implied: ReadonlySet<string>;
  /** Directory → names that are hard links into lower layers → their targets. */
  readonly hardlinks: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function stackedLayer(reader: LayerReader, info: LayerInfo): StackedLayer {
  const hardlinks = new Map<string, Map<string, string>>();
  for (const { path, target } of info.lowerHardlinks) {
    const directory = parentOf(path);
    const names = hardlinks.get(directory) ?? new Map<string, string>();
    hardlinks.set(directory, names.set(nameOf(path), target));
  }
  return { reader, implied: new Set(info.impliedDirectories), hardlinks };
}

/** An inode of one layer. */
interface Place {
  readonly layer: number;
  readonly nid: number;
}

/** Something in the stack. For a directory: every place whose names it shows, top first. */
export interface StackNode {
  readonly path: string;
  readonly layer: number;
  readonly stat: ErofsStat;
  readonly places: readonly Place[];
}

/** The rules of overlayfs over several EROFS images: knows single names, follows no symlink. */
export class LayerStack {
  readonly #layers: readonly StackedLayer[];

  /** Base first. */
  constructor(layers: readonly StackedLayer[]) {
    this.#layers = layers;
  }

  get layers(): readonly StackedLayer[] {
    return this.#layers;
  }

  /** undefined for a stack of no layers. */
  root(): StackNode | undefined {
    return this.#directory(
      "",
      this.#tops(this.#layers.length).map((layer) => ({ layer, nid: this.#image(layer).root })),
    );
  }

  /** What a directory shows under a name. */
  child(directory: StackNode, name: string): StackNode | undefined {
    const path = join(directory.path, name);
    return this.#resolve(path, directory, (place) => this.#image(place.layer).lookup(path), name);
  }

  /** Everything a directory shows, in byte order. */
  children(directory: StackNode): readonly StackNode[] {
    const listings = new Map(directory.places.map((place) => [place.layer, this.#listing(place)]));
    const names = new Set<string>();
    for (const { layer } of directory.places) {
      for (const name of listings.get(layer)?.keys() ?? []) names.add(name);
      for (const name of this.#layers[layer]?.hardlinks.get(directory.path)?.keys() ?? []) names.add(name);
    }
    const found: StackNode[] = [];
    for (const name of [...names].sort()) {
      const path = join(directory.path, name);
      const node = this.#resolve(path, directory, (place) => listings.get(place.layer)?.get(name), name);
      if (node !== undefined) found.push(node);
    }
    return found;
  }

  #listing(place: Place): ReadonlyMap<string, number> {
    const names = new Map<string, number>();
    for (const { name, nid } of this.#image(place.layer).readDirectory(place.nid)) names.set(name, nid);
    return names;
  }

  #resolve(
    path: string,
    directory: StackNode,
    nidIn: (place: Place) => number | undefined,
    name: string,
  ): StackNode | undefined {
    const places: Place[] = [];
    for (const place of directory.places) {
      const { layer } = place;
      const target = this.#layers[layer]?.hardlinks.get(directory.path)?.get(name);
      if (target !== undefined)
        return places.length > 0 ? this.#directory(path, places) : this.#below(layer, path, target);
      const nid = nidIn(place);
      if (nid === undefined) continue;
      const image = this.#image(layer);
      const stat = image.stat(nid);
      // Overlayfs merges directories as long as nothing else comes between them.
      if (stat.type !== "directory") {
        if (places.length > 0) break;
        return image.isWhiteout(nid) ? undefined : { path, layer, stat, places: [] };
      }
      places.push({ layer, nid });
      if (image.isOpaque(nid)) break;
    }
    return this.#directory(path, places);
  }

  /** A merged directory; made-up attributes give way to those of the next layer that names it. */
  #directory(path: string, places: readonly Place[]): StackNode | undefined {
    const named = places.find(({ layer }) => this.#layers[layer]?.implied.has(path) !== true) ?? places[0];
    if (named === undefined) return undefined;
    return { path, layer: named.layer, stat: this.#image(named.layer).stat(named.nid), places };
  }

  /** The target of a hard link that leads into the layers below `layer`. */
  #below(layer: number, path: string, target: string): StackNode | undefined {
    const lower = new LayerStack(this.#layers.slice(0, layer));
    let node = lower.root();
    for (const name of target.split("/")) {
      if (node === undefined) return undefined;
      node = lower.child(node, name);
    }
    return node === undefined || node.stat.type === "directory" ? undefined : { ...node, path };
  }

  #tops(count: number): readonly number[] {
    return Array.from({ length: count }, (_, index) => count - 1 - index);
  }

  #image(layer: number): LayerReader["image"] {
    const image = this.#layers[layer]?.reader.image;
    if (image === undefined) throw new RangeError(`no layer ${layer}`);
    return image;
  }
}

function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
