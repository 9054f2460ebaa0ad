import { MediaType } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import type { ImageContext } from "../context.ts";
import type { ActLease } from "#metadata";
import type { LayerProgress } from "../layerProgress.ts";
import { compressAndSend } from "./compressAndSend.ts";
import type { PushTarget } from "./pushTarget.ts";

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
  const { context, lease, target } = wanted;
  const known = context.metadata.layers.getCompressed(diffId).filter(({ compression }) => compression === "gzip");
  for (const { blob } of known) {
    lease.blob(blob.digest);
    if ((await context.content.info(blob.digest)) !== undefined) return asLayer(blob);
  }
  for (const { blob } of known) if ((await target.present(blob.digest)) !== undefined) return asLayer(blob);
  const { made, sent } = await compressAndSend({ ...wanted, form: { compression: "gzip" } }, diffId);
  lease.blob(made.digest);
  await sent;
  return asLayer(made);
}

function asLayer({ digest, size }: Pick<Descriptor, "digest" | "size">): Descriptor {
  return { mediaType: MediaType.DOCKER_LAYER_GZIP, digest, size };
}
