import { EngineError, ErrorCode } from "#errors";
import { parseDigest, withDefaultTag } from "#oci";
import type { Descriptor, DiffId, Reference } from "#oci";
import type { ImageContext } from "../context.ts";
import type { BuiltPush, BuiltPushOptions, BuiltResult, LayerBlob, WantedBlob } from "../imageBuilding.ts";
import { SILENT } from "../layerProgress.ts";
import { allOrNothing } from "../pull/allOrNothing.ts";
import { Slots } from "../pull/slots.ts";
import { compressAndSend } from "./compressAndSend.ts";
import { compressLayer } from "./compressLayer.ts";
import type { LayerForm, MadeBlob } from "./compressLayer.ts";
import { PushTarget } from "./pushTarget.ts";

/** See `ImageBuilding.layerBlob`: the wanted form, else what is here already (as BuildKit has it), else a new one. */
export async function layerBlob(
  context: ImageContext,
  diffId: DiffId,
  wanted: WantedBlob,
  compress: (form: LayerForm) => Promise<MadeBlob> = (form) =>
    compressLayer(context, diffId, { form, lines: SILENT, signal: wanted.signal }),
): Promise<LayerBlob> {
  const { compression, level, force, lease } = wanted;
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
  const made = await compress({ compression, level });
  lease.blob(made.digest);
  return { ...made, compression };
}

function plainBlob({ layers }: ImageContext, diffId: DiffId): LayerBlob {
  const layer = layers.get(diffId);
  if (layer !== undefined) return { compression: "none", digest: parseDigest(diffId), size: layer.tarBytes };
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} does not exist`);
}

/** See `ImageBuilding.openPush`. */
export function openBuiltPush(context: ImageContext, named: Reference, options: BuiltPushOptions): BuiltPush {
  return new BuiltImagePush(context, withDefaultTag(named), options);
}

class BuiltImagePush implements BuiltPush {
  readonly #context: ImageContext;
  readonly #reference: Reference;
  readonly #repository: ReturnType<ImageContext["remote"]["repository"]>;
  readonly #target: PushTarget;
  readonly #giveUp: AbortController = new AbortController();
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<Promise<void>>();

  constructor(context: ImageContext, reference: Reference, { credentials, signal }: BuiltPushOptions) {
    this.#context = context;
    this.#reference = reference;
    this.#signal = AbortSignal.any([signal, this.#giveUp.signal]);
    this.#repository = context.remote.repository(reference, {
      scope: "push",
      ...(credentials === undefined ? {} : { credentials }),
    });
    this.#target = new PushTarget(context, reference, { repository: this.#repository, signal: this.#signal });
  }

  /** Bound: it is handed on without its object. */
  readonly layerBlob = (diffId: DiffId, wanted: WantedBlob): Promise<LayerBlob> =>
    layerBlob(this.#context, diffId, wanted, (form) => this.#compress(diffId, form));

  async #compress(diffId: DiffId, form: LayerForm): Promise<MadeBlob> {
    const [context, signal] = [this.#context, this.#signal];
    // A slow line gets as many at a time as other pushes have; the rest follows in `send`.
    if (this.#underWay.size >= context.limits.uploads)
      return await compressLayer(context, diffId, { form, lines: SILENT, signal });
    const { made, sent } = await compressAndSend(
      { context, target: this.#target, form, lines: SILENT, signal },
      diffId,
    );
    this.#underWay.add(sent);
    const forget = (): void => void this.#underWay.delete(sent);
    sent.then(forget, forget); // the same failure is met by `send`
    return made;
  }

  async send({ blobs, documents, isByDigest, onBlobs }: BuiltResult): Promise<void> {
    const signal = this.#signal;
    const slots = new Slots(this.#context.limits.uploads);
    await allOrNothing(blobs, signal, (blob: Descriptor, either) =>
      slots.run(() => this.#target.send(blob, SILENT, either), either),
    );
    onBlobs();
    for (const { raw, descriptor } of documents) {
      const isRoot = descriptor === documents.at(-1)?.descriptor;
      const name = isRoot && !isByDigest ? (this.#reference.tag ?? descriptor.digest) : descriptor.digest;
      await this.#repository.putManifest(name, { raw, mediaType: descriptor.mediaType }, { signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#giveUp.abort();
    await Promise.allSettled(this.#underWay);
  }
}
