import { buildImageTree, diveCommandOf, scoreImage } from "#analysis";
import type { ImageScores, ImageTree, LayerEntry, OpenImage } from "#analysis";
import { messageOf } from "#errors";
import { formatPlatform } from "#oci";
import { printable } from "./terminal/textWidth.ts";
import type { ImageFacts } from "./explorer/state.ts";

/** Hears how reading goes. */
export interface ReadListener {
  /** Given: a layer that cannot be read is told, and counts as empty. */
  readonly warn?: (line: string) => void;
  readonly onLayer?: (read: number) => void;
}

async function readLayers(
  image: OpenImage,
  { warn, onLayer }: ReadListener,
): Promise<readonly (readonly LayerEntry[])[]> {
  let count = 0;
  const read = async (index: number): Promise<readonly LayerEntry[]> => {
    try {
      return await image.readLayer(index);
    } catch (error) {
      if (warn === undefined) throw error;
      warn(`layer ${index}: ${printable(messageOf(error))}`);
      return [];
    } finally {
      count += 1;
      onLayer?.(count);
    }
  };
  return Promise.all(image.layers.map((layer) => read(layer.index)));
}

/** All layers' entries as a tree, and its scores. */
export async function readTree(
  image: OpenImage,
  listener: ReadListener,
): Promise<{ readonly tree: ImageTree; readonly scores: ImageScores }> {
  const tree = buildImageTree(await readLayers(image, listener));
  return { tree, scores: scoreImage(tree) };
}

/** Reads all that the explorer begins with: neither scores nor the bytes of files. */
export async function readImageFacts(image: OpenImage, listener: ReadListener): Promise<ImageFacts> {
  const layers = await readLayers(image, listener);
  const { os, architecture, variant } = image.config;
  return {
    name: image.name,
    imageId: image.imageId,
    platform: formatPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) }),
    layers: image.layers.map((layer) => ({
      command: layer.history?.created_by === undefined ? (layer.history?.comment ?? "(missing)") : diveCommandOf(layer),
      diffId: layer.diffId,
      digest: layer.blob?.digest,
      blobBytes: layer.blob?.size,
      created: layer.history?.created,
      comment: layer.history?.comment,
    })),
    tree: buildImageTree(layers),
    layerBytes: layers.map((entries) => entries.reduce((sum, { size }) => sum + size, 0)),
    scores: undefined,
  };
}
