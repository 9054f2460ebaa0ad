import { imageLayersOf } from "#analysis";
import type { ImageLayer, LayerEntry, OpenImage } from "#analysis";
import { EngineError, ErrorCode } from "#errors";
import { digestOf, parseImageConfig } from "#oci";
import type { Digest, ImageConfig } from "#oci";
import { compressionOfSpan } from "./compression.ts";
import { LayerAccess, noSuchFile } from "./layerAccess.ts";
import type { LayerRules } from "./layerAccess.ts";
import type { LayerBytes } from "./layerBytes.ts";

/** What a transport found, before anything of a layer is read. */
export interface FoundImage {
  readonly name: string;
  readonly rawConfig: Uint8Array;
  readonly manifestDigest: Digest | undefined;
  /** Base first, as many as the config has diffIDs. */
  readonly layers: readonly LayerBytes[];
}

/** An image of which a transport knows how to read every layer. Disposing it closes what it was given to `own`. */
export class OpenedImage implements OpenImage {
  readonly name: string;
  readonly imageId: Digest;
  readonly config: ImageConfig;
  readonly rawConfig: Uint8Array;
  readonly manifestDigest: Digest | undefined;
  readonly layers: readonly ImageLayer[];
  readonly #access: readonly LayerAccess[];
  #stack: AsyncDisposableStack | undefined;

  private constructor(found: FoundImage, layers: readonly ImageLayer[], rules: LayerRules) {
    this.name = found.name;
    this.rawConfig = found.rawConfig;
    this.imageId = digestOf(found.rawConfig);
    this.config = parseImageConfig(found.rawConfig);
    this.manifestDigest = found.manifestDigest;
    this.layers = layers;
    this.#access = layers.map((layer) => new LayerAccess(layer, bytesAt(found, layer.index), rules));
  }

  /** @throws {invalid_argument} INVALID_IMAGE_CONFIG, INVALID_ARCHIVE when config and layers do not fit */
  static async open(found: FoundImage, rules: LayerRules): Promise<OpenedImage> {
    const config = parseImageConfig(found.rawConfig);
    const expected = config.rootfs.diff_ids.length;
    if (found.layers.length !== expected) {
      const message = `layers length mismatch: expected ${expected}, got ${found.layers.length}`;
      throw new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, message);
    }
    const sizes = await Promise.all(found.layers.map(tarBytesOf));
    const layers = imageLayersOf(config, (index) => ({
      blob: found.layers[index]?.descriptor,
      tarBytes: sizes[index],
    }));
    return new OpenedImage(found, layers, rules);
  }

  /** Closed with the image. */
  own(stack: AsyncDisposableStack): void {
    this.#stack = stack;
  }

  async readLayer(index: number, options: { readonly signal?: AbortSignal } = {}): Promise<readonly LayerEntry[]> {
    return await this.#layer(index).entries(options.signal);
  }

  async *readFile(
    index: number,
    path: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    let [layer, name] = [index, path];
    for (let found = await this.#layer(layer).find(name, options.signal); found !== "here"; ) {
      // A hard link into lower layers: its file is the topmost one there.
      if (typeof found === "object") name = found.below;
      else if (layer === index || found === "hidden") throw noSuchFile(path, index);
      layer -= 1;
      if (layer < 0) throw noSuchFile(path, index);
      found = await this.#layer(layer).find(name, options.signal);
    }
    yield* this.#layer(layer).readFile(name, options.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#access.map((layer) => layer.stop()));
    await this.#stack?.disposeAsync();
  }

  #layer(index: number): LayerAccess {
    const layer = this.#access[index];
    if (layer !== undefined) return layer;
    throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `${this.name} has no layer ${index}`);
  }
}

function bytesAt(found: FoundImage, index: number): LayerBytes {
  const bytes = found.layers[index];
  if (bytes === undefined) throw new Error(`no bytes for layer ${index}`);
  return bytes;
}

/** The file itself is the tar where it is not compressed. */
async function tarBytesOf({ span }: LayerBytes): Promise<number | undefined> {
  return span !== undefined && (await compressionOfSpan(span)) === "none" ? span.size : undefined;
}
