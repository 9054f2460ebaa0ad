import type { LayerInfo } from "./layer.ts";
import type { CompressOptions, CompressedStream } from "./layerStore.ts";
import type { StoreContext } from "./storeContext.ts";

/** See `LayerReads.compress`. */
export function compressLayer(_store: StoreContext, _layer: LayerInfo, _options: CompressOptions): CompressedStream {
  throw new Error("not yet");
}
