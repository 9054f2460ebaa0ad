import { rename } from "node:fs/promises";
import type { LayerFileInfo } from "./layerStore.ts";
import type { StoreContext } from "./storeContext.ts";
import { TarSink } from "./tarSink.ts";

/** See `LayerIngests.writeLayerFile`. */
export async function writeLayerFile(
  store: StoreContext,
  path: string,
  tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<LayerFileInfo> {
  await using sink = await TarSink.open(store);
  for await (const chunk of tar) await sink.write(chunk);
  const { tarBytes, fileBytes, inodes } = await sink.finish();
  await rename(sink.path, path);
  return { tarBytes, fileBytes, inodes };
}
