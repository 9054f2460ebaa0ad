import { readImageTree, scoreImage } from "#analysis";
import type { OpenImage } from "#analysis";
import { formatPlatform } from "#oci";
import type { ImageFacts } from "./explorer/state.ts";

/** Reads all that is to be known of the image, but for the bytes of its files. */
export async function readImageFacts(image: OpenImage, signal?: AbortSignal): Promise<ImageFacts> {
  const tree = await readImageTree(image, signal === undefined ? {} : { signal });
  const { config } = image;
  return {
    name: image.name,
    imageId: image.imageId,
    manifestDigest: image.manifestDigest,
    platform: formatPlatform({
      os: config.os,
      architecture: config.architecture,
      ...(config.variant === undefined ? {} : { variant: config.variant }),
    }),
    layers: image.layers.map(({ diffId, blob, history }) => ({
      command: history?.created_by ?? history?.comment ?? "",
      diffId,
      digest: blob?.digest,
      blobBytes: blob?.size,
      created: history?.created,
      comment: history?.comment,
    })),
    tree,
    scores: scoreImage(tree),
  };
}
