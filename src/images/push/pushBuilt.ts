import { EngineError, ErrorCode } from "#errors";
import { parseDigest, withDefaultTag } from "#oci";
import type { Descriptor, DiffId, Reference } from "#oci";
import type { ImageContext } from "../context.ts";
import type { BuiltPush, LayerBlob, WantedBlob } from "../imageBuilding.ts";
import { SILENT } from "../layerProgress.ts";
import { allOrNothing } from "../pull/allOrNothing.ts";
import { Slots } from "../pull/slots.ts";
import { compressLayer } from "./compressLayer.ts";
import { PushTarget } from "./pushTarget.ts";

/** See `ImageBuilding.layerBlob`: the wanted form, else what is here already (as BuildKit has it), else a new one. */
export async function layerBlob(context: ImageContext, diffId: DiffId, wanted: WantedBlob): Promise<LayerBlob> {
  const { compression, level, force, lease, signal } = wanted;
  lease.layer(diffId);
  const here: LayerBlob[] = [];
  for (const form of context.metadata.layers.getCompressed(diffId)) {
    lease.blob(form.blob.digest);
    if (form.compression !== "none" && (await context.content.info(form.blob.digest)) !== undefined)
      here.push({ ...form.blob, compression: form.compression });
  }
  const found = here.find((form) => form.compression === compression) ?? (force ? undefined : here[0]);
  if (found !== undefined) return found;
  if (compression === "none") return plainBlob(context, diffId);
  const made = await compressLayer(context, diffId, { form: { compression, level }, lines: SILENT, signal });
  lease.blob(made.digest);
  return { ...made, compression };
}

function plainBlob({ layers }: ImageContext, diffId: DiffId): LayerBlob {
  const layer = layers.get(diffId);
  if (layer !== undefined) return { compression: "none", digest: parseDigest(diffId), size: layer.tarBytes };
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} does not exist`);
}

/** See `ImageBuilding.pushBuilt`. */
export async function pushBuilt(context: ImageContext, named: Reference, push: BuiltPush): Promise<void> {
  const { credentials, blobs, documents, signal } = push;
  const reference = withDefaultTag(named);
  const repository = context.remote.repository(reference, {
    scope: "push",
    ...(credentials === undefined ? {} : { credentials }),
  });
  const target = new PushTarget(context, reference, { repository, signal });
  const slots = new Slots(context.limits.uploads);
  await allOrNothing(blobs, signal, (blob: Descriptor, either) =>
    slots.run(() => target.send(blob, SILENT, either), either),
  );
  push.onBlobs();
  for (const { raw, descriptor } of documents) {
    const isRoot = descriptor === documents.at(-1)?.descriptor;
    const name = isRoot && !push.isByDigest ? (reference.tag ?? descriptor.digest) : descriptor.digest;
    await repository.putManifest(name, { raw, mediaType: descriptor.mediaType }, { signal });
  }
}
