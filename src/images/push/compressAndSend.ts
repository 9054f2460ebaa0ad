import type { DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import type { LayerProgress } from "../layerProgress.ts";
import { compressLayer } from "./compressLayer.ts";
import type { LayerForm, MadeBlob } from "./compressLayer.ts";
import { openGrowingBlob } from "./growingBlob.ts";
import type { PushTarget } from "./pushTarget.ts";
import { StreamedUpload } from "./streamedUpload.ts";

/** Below this an upload of its own, with one request more, gains nothing. */
const STREAMED_BYTES = 8 << 20;

export interface CompressAndSend {
  readonly context: ImageContext;
  readonly target: PushTarget;
  readonly form: LayerForm;
  readonly lines: LayerProgress;
  readonly signal: AbortSignal;
}

/** A layer that was compressed and may be on its way still. */
export interface MadeAndSent {
  readonly made: MadeBlob;
  /** Settles when nothing of it goes on; `PushTarget.send` of the blob waits for the same upload, and meets its failure. */
  readonly sent: Promise<void>;
}

/**
 * Compresses a layer as `compressLayer` does, and sends a large one to the target meanwhile. Of a small one, or one that
 * somebody else compresses already, nothing is sent here.
 */
export async function compressAndSend(wanted: CompressAndSend, diffId: DiffId): Promise<MadeAndSent> {
  const { context, target, form, lines, signal } = wanted;
  const tarBytes = context.layers.get(diffId)?.tarBytes ?? 0;
  if (tarBytes < STREAMED_BYTES)
    return { made: await compressLayer(context, diffId, { form, lines, signal }), sent: Promise.resolve() };
  const stack = new AsyncDisposableStack();
  const arrival = async (made: MadeBlob, upload: StreamedUpload | undefined): Promise<void> => {
    await using _ = stack;
    if (upload !== undefined) await target.sendStreamed(made, upload, wanted);
  };
  const started: { upload: StreamedUpload | undefined } = { upload: undefined };
  try {
    const made = await compressLayer(context, diffId, {
      form,
      // One line tells one thing: bytes that are sent say enough of what is compressed.
      lines: { ...lines, bytes: (...told) => (started.upload === undefined ? lines.bytes(...told) : undefined) },
      signal,
      onStart: async (source) => {
        const blob = await openGrowingBlob(source);
        // This push was given up meanwhile; another one still wants the blob.
        if (stack.disposed) return await blob[Symbol.asyncDispose]();
        stack.use(blob);
        const upload = new StreamedUpload({ repository: target.repository, blob, tarBytes, lines, signal });
        stack.defer(() => upload.abandon());
        started.upload = upload;
      },
    });
    return { made, sent: arrival(made, started.upload) };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
