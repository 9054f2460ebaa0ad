import { MediaType } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import type { ActLease } from "#metadata";
import type { LayerProgress } from "../layerProgress.ts";
import { compressLayer } from "./compressLayer.ts";
import type { LayerForm } from "./compressLayer.ts";
import { openGrowingBlob } from "./growingBlob.ts";
import type { PushTarget } from "./pushTarget.ts";
import { StreamedUpload } from "./streamedUpload.ts";

const GZIP: LayerForm = { compression: "gzip" };
/** Below this an upload of its own, with one request more, gains nothing. */
const STREAMED_BYTES = 8 << 20;

/** What is asked for when a layer must become a gzip blob. */
export interface FormWanted {
  readonly context: ImageContext;
  readonly lease: ActLease;
  readonly target: PushTarget;
  readonly lines: LayerProgress;
  readonly signal: AbortSignal;
}

/** The gzip form of a layer: one that is here, one that the registry has, or else a new one. */
export async function gzipForm(wanted: FormWanted, diffId: DiffId): Promise<Descriptor> {
  const { context, lease, target, lines, signal } = wanted;
  const known = context.metadata.layers.getCompressed(diffId).filter(({ compression }) => compression === "gzip");
  for (const { blob } of known) {
    lease.blob(blob.digest);
    if ((await context.content.info(blob.digest)) !== undefined) return asLayer(blob);
  }
  for (const { blob } of known) if ((await target.present(blob.digest)) !== undefined) return asLayer(blob);
  if ((context.layers.get(diffId)?.tarBytes ?? 0) >= STREAMED_BYTES) return await streamedForm(wanted, diffId);
  const made = await compressLayer(context, diffId, { form: GZIP, lines, signal });
  lease.blob(made.digest);
  return asLayer(made);
}

/** A new form, which is sent while it is made. */
async function streamedForm(wanted: FormWanted, diffId: DiffId): Promise<Descriptor> {
  const { context, lease, target, lines, signal } = wanted;
  const tarBytes = context.layers.get(diffId)?.tarBytes ?? 0;
  await using stack = new AsyncDisposableStack();
  const started: { upload: StreamedUpload | undefined } = { upload: undefined };
  const made = await compressLayer(context, diffId, {
    form: GZIP,
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
  lease.blob(made.digest);
  const form = asLayer(made);
  if (started.upload !== undefined) await target.sendStreamed(form, started.upload, { lines, signal });
  return form;
}

function asLayer({ digest, size }: Pick<Descriptor, "digest" | "size">): Descriptor {
  return { mediaType: MediaType.DOCKER_LAYER_GZIP, digest, size };
}
