import type { BlobIngester } from "#content";
import type { ProgressMessage } from "#engineapi";
import type { CompressedLayerRecord } from "#metadata";
import type { DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import { takeLease } from "#metadata";
import type { LayerProgress } from "../layerProgress.ts";
import { SharedWork } from "../pull/sharedWork.ts";
import type { SharedRun } from "../pull/sharedWork.ts";

type Blob = CompressedLayerRecord["blob"];

const underWay = new WeakMap<BlobIngester, SharedWork<Blob>>();

/**
 * Compresses a layer into the content store and remembers it as the layer's gzip form, so that no push does it again.
 * The caller holds a lease on the layer, and so on every form of it. Two at a time compress once.
 */
export async function gzipLayer(
  context: ImageContext,
  diffId: DiffId,
  { lines, signal }: { readonly lines: LayerProgress; readonly signal: AbortSignal | undefined },
): Promise<Blob> {
  const progress = ({ progressDetail }: ProgressMessage): void => {
    if (progressDetail?.current !== undefined) lines.bytes("Compressing", progressDetail.current);
  };
  const shared = underWay.get(context.content) ?? new SharedWork<Blob>();
  underWay.set(context.content, shared);
  return await shared.join(diffId, { progress, signal }, (run) => compressInto(context, diffId, run));
}

async function compressInto(context: ImageContext, diffId: DiffId, run: SharedRun): Promise<Blob> {
  const ref = `gzip ${diffId}`;
  using lease = takeLease(context.metadata, `compress ${diffId}`);
  lease.layer(diffId);
  lease.add({ kind: "ingest", name: ref });
  await using writer = await context.content.openIngest(ref);
  try {
    await writer.truncate(); // a compressed stream cannot be gone on with
    const stream = context.layers.compress(diffId, { compression: "gzip", signal: run.signal });
    for await (const chunk of stream) {
      await writer.write(chunk);
      run.progress({ status: "Compressing", progressDetail: { current: writer.offset } });
    }
    const { digest, size } = await stream.result;
    lease.blob(digest);
    await writer.commit({ digest, size, verified: digest });
    context.metadata.layers.putCompressed({ diffId, compression: "gzip", blob: { digest, size } });
    return { digest, size };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
