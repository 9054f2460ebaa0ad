import type { DiffId, ImageConfig } from "#oci";
import type { ImageLayer } from "./openImage.ts";

/** What a source knows of a layer without reading it. */
export type KnownLayer = Partial<Pick<ImageLayer, "blob" | "tarBytes">>;

/** The layers of an image, each with the history entry that made it: the n-th one that is not marked empty. */
export function imageLayersOf(
  config: ImageConfig,
  known: (index: number, diffId: DiffId) => KnownLayer = () => ({}),
): readonly ImageLayer[] {
  const steps = (config.history ?? [])
    .map((history, at) => ({ history, step: at + 1 }))
    .filter(({ history }) => history.empty_layer !== true);
  return config.rootfs.diff_ids.map((diffId, index) => {
    const { blob, tarBytes } = known(index, diffId);
    const made = steps[index];
    return { index, diffId, blob, tarBytes, history: made?.history, step: made?.step ?? index + 1 };
  });
}
