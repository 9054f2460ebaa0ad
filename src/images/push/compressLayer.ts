import type { BlobIngester } from "#content";
import type { ProgressMessage } from "#engineapi";
import type { CompressedLayerRecord } from "#metadata";
import type { Compression, DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import { takeLease } from "#metadata";
import type { LayerProgress } from "../layerProgress.ts";
import { SharedWork } from "../pull/sharedWork.ts";
import type { SharedRun } from "../pull/sharedWork.ts";

type Blob = CompressedLayerRecord["blob"];

const underWay = new WeakMap<BlobIngester, SharedWork<Blob>>();

/** How a layer is compressed. */
export interface LayerForm {
  readonly compression: Exclude<Compression, "none">;
  /** undefined: the layer room's own choice. */
  readonly level?: number | undefined;
}

/**
 * Compresses a layer into the content store and remembers it as the layer's form, so that no push does it again.
 * The caller holds a lease on the layer, and so on every form of it. Two at a time compress once.
 */
export async function compressLayer(
  context: ImageContext,
  diffId: DiffId,
  {
    form,
    lines,
    signal,
  }: { readonly form: LayerForm; readonly lines: LayerProgress; readonly signal: AbortSignal | undefined },
): Promise<Blob> {
  const progress = ({ progressDetail }: ProgressMessage): void => {
    if (progressDetail?.current !== undefined) lines.bytes("Compressing", progressDetail.current);
  };
  const shared = underWay.get(context.content) ?? new SharedWork<Blob>();
  underWay.set(context.content, shared);
  const key = `${form.compression} ${form.level ?? ""} ${diffId}`;
  return await shared.join(key, { progress, signal }, (run) => compressInto(context, { diffId, form, ref: key }, run));
}

async function compressInto(
  context: ImageContext,
  { diffId, form, ref }: { readonly diffId: DiffId; readonly form: LayerForm; readonly ref: string },
  run: SharedRun,
): Promise<Blob> {
  const { compression, level } = form;
  using lease = takeLease(context.metadata, `compress ${diffId}`);
  lease.layer(diffId);
  lease.add({ kind: "ingest", name: ref });
  await using writer = await context.content.openIngest(ref);
  try {
    await writer.truncate(); // a compressed stream cannot be gone on with
    const stream = context.layers.compress(diffId, {
      compression,
      ...(level === undefined ? {} : { level }),
      signal: run.signal,
    });
    for await (const chunk of stream) {
      await writer.write(chunk);
      run.progress({ status: "Compressing", progressDetail: { current: writer.offset } });
    }
    const { digest, size } = await stream.result;
    lease.blob(digest);
    await writer.commit({ digest, size, verified: digest });
    context.metadata.layers.putCompressed({ diffId, compression, blob: { digest, size } });
    return { digest, size };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
