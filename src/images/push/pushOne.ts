import type { ProgressSink } from "#engineapi";
import type { ImageContentRecord } from "#metadata";
import { formatReference, MediaType, withDigest } from "#oci";
import type { Descriptor, DiffId, Reference } from "#oci";
import type { RegistryClient } from "#remote";
import type { ImageContext } from "../context.ts";
import { takeLease } from "#metadata";
import type { ActLease } from "#metadata";
import { allOrNothing } from "../pull/allOrNothing.ts";
import { layerProgress, shortId, SILENT } from "../layerProgress.ts";
import type { LayerProgress } from "../layerProgress.ts";
import { Slots } from "../pull/slots.ts";
import { putName } from "../recordImage.ts";
import { pushIndex, wholeIndex } from "./pushIndex.ts";
import { gzipForm } from "./layerForm.ts";
import { isForeign, makeManifest, reusableManifest } from "./pushedManifest.ts";
import type { PushedManifest } from "./pushedManifest.ts";
import { PushTarget } from "./pushTarget.ts";

export interface Push {
  readonly context: ImageContext;
  readonly repository: ReturnType<RegistryClient["repository"]>;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal | undefined;
}

/** What one push has in hand. */
interface Sending extends Push {
  readonly lease: ActLease;
  readonly target: PushTarget;
}

/** Sends one tagged image and records the digest under which the repository has it now. */
export async function pushOne(
  push: Push,
  reference: Reference & { readonly tag: string },
  image: { readonly content: ImageContentRecord; readonly target: Descriptor },
): Promise<void> {
  const { context, progress } = push;
  const { content } = image;
  using lease = takeLease(context.metadata, `push ${formatReference(reference)}`);
  lease.blob(content.imageId);
  lease.blob(content.manifest.digest);
  for (const diffId of content.diffIds) lease.layer(diffId);
  lease.blob(image.target.digest);
  const whole = await wholeIndex(context, image.target);
  const target =
    whole === undefined
      ? await sendImage(push, reference, { content, lease })
      : await pushIndex(push, reference, { whole, target: image.target });
  const { digest, size } = target;
  context.metadata.transaction(() => {
    // It may have been removed meanwhile: then there is nothing to name.
    if (context.metadata.images.getContent(content.imageId) === undefined) return;
    // A variant is no image of its own: the name's own one is not what the repository has now.
    if (context.metadata.images.get(formatReference(reference))?.imageId !== content.imageId) return;
    putName(context, formatReference(withDigest(reference, digest)), { imageId: content.imageId, target });
  });
  progress({ status: `${reference.tag}: digest: ${digest} size: ${size}` });
  progress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: digest, Size: size } });
}

async function sendImage(
  push: Push,
  reference: Reference & { readonly tag: string },
  { content, lease }: { readonly content: ImageContentRecord; readonly lease: ActLease },
): Promise<Descriptor> {
  const { context, repository, signal } = push;
  const target = new PushTarget(context, reference, { repository, signal });
  const { raw, descriptor } = await sendBlobs({ ...push, lease, target }, content);
  lease.blob(descriptor.digest);
  await context.content.put(raw, descriptor.digest);
  const { mediaType } = descriptor;
  await repository.putManifest(reference.tag, { raw, mediaType }, signal === undefined ? {} : { signal });
  return descriptor;
}

/** Layers (top first, as Docker lists them), then the config; the manifest that names what was sent. */
async function sendBlobs(sending: Sending, content: ImageContentRecord): Promise<PushedManifest> {
  const { context, target, progress } = sending;
  const { uploads } = context.limits;
  const layers = content.diffIds
    .map((diffId, index) => ({ diffId, index, lines: layerProgress(progress, shortId(diffId)) }))
    .reverse();
  for (const { lines } of layers) lines.status("Preparing");
  for (const { lines } of layers.slice(uploads)) lines.status("Waiting");
  const stored = await reusableManifest(context, content, target);
  const slots = new Slots(uploads);
  const sent = await allOrNothing(layers, sending.signal, ({ diffId, index, lines }, signal) =>
    slots.run(() => sendLayer({ ...sending, signal }, { diffId, lines, form: stored?.value.layers[index] }), signal),
  );
  const config = stored?.value.config ?? (await configOf(context, content));
  await target.send(config, SILENT);
  if (stored === undefined) return makeManifest(config, sent.reverse());
  const { raw, digest, mediaType } = stored;
  return { raw, descriptor: { mediaType, digest, size: raw.byteLength } };
}

async function sendLayer(
  sending: Sending & { readonly signal: AbortSignal },
  layer: { readonly diffId: DiffId; readonly lines: LayerProgress; readonly form: Descriptor | undefined },
): Promise<Descriptor> {
  const { context, lease, target, signal } = sending;
  const { diffId, lines } = layer;
  const form = layer.form ?? (await gzipForm({ context, lease, target, lines, signal }, diffId));
  if (isForeign(form)) lines.status("Skipped foreign layer");
  else await target.send(form, lines, signal);
  return form;
}

async function configOf(context: ImageContext, { imageId }: ImageContentRecord): Promise<Descriptor> {
  const raw = await context.content.read(imageId);
  return { mediaType: MediaType.DOCKER_CONFIG, digest: imageId, size: raw.byteLength };
}
