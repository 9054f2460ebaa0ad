import type { LayerInfo } from "./layer.ts";
import { openLayerFile } from "./layerReader.ts";
import { stackedLayer } from "./layerStack.ts";
import type { MergedView, ViewEntry } from "./mergedView.ts";
import { openMergedView } from "./openMergedView.ts";

/** A layer as another thread can open it. */
export interface LayerFileOfStack {
  readonly path: string;
  readonly info: LayerInfo;
}

/** Where a regular file's bytes lie. */
export interface FileExtentInLayer {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** A merged view whose files can be read without it. */
export interface StackFiles extends AsyncDisposable {
  readonly view: MergedView;
  /** @throws {invalid_argument} when the entry is no regular file */
  extentOf(entry: ViewEntry): FileExtentInLayer;
}

/** For worker threads, which have no layer store: a stack (base first) by its files. The caller disposes it. */
export async function openStackFiles(layers: readonly LayerFileOfStack[]): Promise<StackFiles> {
  const opened = await Promise.allSettled(layers.map(({ path }) => openLayerFile(path)));
  const readers = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = opened.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    throw failed.reason;
  }
  const stacked = readers.flatMap((reader, index) => {
    const layer = layers[index];
    return layer === undefined ? [] : [stackedLayer(reader, layer.info)];
  });
  const view = openMergedView(stacked);
  return {
    view,
    extentOf(entry) {
      const [reader, layer] = [readers[entry.layer], layers[entry.layer]];
      if (reader === undefined || layer === undefined) throw new RangeError(`no layer ${entry.layer} in this stack`);
      const { offset, length } = reader.image.fileExtent(entry.stat.nid);
      return { path: layer.path, offset, length };
    },
    [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
  };
}
