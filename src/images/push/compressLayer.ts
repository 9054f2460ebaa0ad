import type { BlobIngester } from "#content";
import type { ProgressMessage } from "#engineapi";
import { createGrowingFile } from "#layers";
import type { CompressedLayerRecord } from "#metadata";
import type { Compression, DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import { takeLease } from "#metadata";
import type { LayerProgress } from "../layerProgress.ts";
import { SharedWork } from "../pull/sharedWork.ts";
import type { SharedRun } from "../pull/sharedWork.ts";
import { Marks } from "./growingBlob.ts";
import type { GrowingBlobSource } from "./growingBlob.ts";

/** The compressed layer. */
export type MadeBlob = CompressedLayerRecord["blob"];

const underWay = new WeakMap<BlobIngester, SharedWork<MadeBlob>>();

/** How a layer is compressed. */
export interface LayerForm {
  readonly compression: Exclude<Compression, "none">;
  /** undefined: the layer room's own choice. */
  readonly level?: number | undefined;
}

export interface CompressRequest {
  readonly form: LayerForm;
  readonly lines: LayerProgress;
  readonly signal: AbortSignal | undefined;
  /** Told where the blob grows, before its first byte. Not called when somebody else compresses the layer already. */
  readonly onStart?: (source: GrowingBlobSource) => Promise<void>;
}

/**
 * Compresses a layer into the content store and remembers it as the layer's form, so that no push does it again.
 * The caller holds a lease on the layer, and so on every form of it. Two at a time compress once.
 */
export async function compressLayer(
  context: ImageContext,
  diffId: DiffId,
  request: CompressRequest,
): Promise<MadeBlob> {
  const { form, lines, signal, onStart } = request;
  const progress = ({ progressDetail }: ProgressMessage): void => {
    if (progressDetail?.current !== undefined) lines.bytes("Compressing", progressDetail.current);
  };
  const shared = underWay.get(context.content) ?? new SharedWork<MadeBlob>();
  underWay.set(context.content, shared);
  const key = `${form.compression} ${form.level ?? ""} ${diffId}`;
  return await shared.join(key, { progress, signal }, (run) =>
    compressInto(context, { diffId, form, ref: key, onStart }, run),
  );
}

interface Compressing {
  readonly diffId: DiffId;
  readonly form: LayerForm;
  readonly ref: string;
  readonly onStart: CompressRequest["onStart"];
}

async function compressInto(
  context: ImageContext,
  { onStart, ...what }: Compressing,
  run: SharedRun,
): Promise<MadeBlob> {
  const { diffId, form, ref } = what;
  using lease = takeLease(context.metadata, `compress ${diffId}`);
  lease.layer(diffId);
  lease.add({ kind: "ingest", name: ref });
  await using writer = await context.content.openIngest(ref);
  const growing = createGrowingFile(writer.path);
  const marks = new Marks();
  try {
    await writer.truncate(); // a compressed stream cannot be gone on with
    await onStart?.({ file: growing.file, tarBytes: (bytes) => marks.tarBytes(bytes) });
    const { digest, size } = await context.layers.compress(diffId, {
      compression: form.compression,
      ...(form.level === undefined ? {} : { level: form.level }),
      signal: run.signal,
      write: async (chunk, tarBytes) => {
        await writer.write(chunk);
        marks.add(writer.offset, tarBytes);
        growing.advance(writer.offset);
        run.progress({ status: "Compressing", progressDetail: { current: writer.offset } });
      },
    });
    growing.finish();
    lease.blob(digest);
    await writer.commit({ digest, size, verified: digest });
    context.metadata.layers.putCompressed({ diffId, compression: form.compression, blob: { digest, size } });
    return { digest, size };
  } catch (error) {
    growing.fail();
    await writer.abort();
    throw error;
  }
}
