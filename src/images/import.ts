import { writePlainManifest } from "./archiveManifest.ts";
import { openArchiveInput } from "./archiveInput.ts";
import { applyChanges } from "./changes.ts";
import type { ImageContext } from "./context.ts";
import { imageEvent } from "./imageEvents.ts";
import type { ImportOptions } from "./imageService.ts";
import { takeLease } from "#metadata";
import type { ActLease } from "#metadata";
import { recordImage } from "./recordImage.ts";
import type { LayerInfo } from "#layers";
import { digestOf, familiarReference, hostPlatform } from "#oci";
import { EngineError, ErrorCode } from "#errors";
import type { ContainerDefaults, Digest, DiffId, ImageConfig, Platform } from "#oci";

/** See `ImageTransfer.importRootfs`. */
export async function importRootfs(
  context: ImageContext,
  rootfs: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Digest> {
  const defaults = applyChanges(options.changes);
  checkSystem(options.platform);
  using lease = takeLease(context.metadata, "import");
  try {
    const layer = await ingestRootfs(context, lease, rootfs, options.signal);
    const config = configOf(context, layer, defaults, options);
    const rawConfig = Buffer.from(JSON.stringify(config));
    const imageId = digestOf(rawConfig);
    const manifest = writePlainManifest({ digest: imageId, size: rawConfig.length }, [layer]);
    for (const raw of [rawConfig, manifest.raw]) {
      lease.blob(digestOf(raw));
      await context.content.put(raw);
    }
    await recordImage(context, lease, {
      imageId,
      manifest: manifest.descriptor,
      target: manifest.descriptor,
      diffIds: [layer.diffId],
      reference: options.reference,
      withRepoDigest: false,
      isTagging: true,
    });
    const { reference } = options;
    if (reference !== undefined)
      imageEvent(context.events, "tag", { actor: imageId, name: familiarReference(reference), config });
    options.progress({ status: imageId });
    imageEvent(context.events, "import", { actor: imageId, name: imageId, config });
    return imageId;
  } catch (error) {
    context.collector.schedule();
    throw error;
  }
}

function checkSystem(platform: Platform | undefined): void {
  if (platform === undefined || platform.os === "linux") return;
  throw new EngineError("invalid_argument", ErrorCode.INVALID_PLATFORM, "operating system is not supported");
}

async function ingestRootfs(
  context: ImageContext,
  lease: ActLease,
  rootfs: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<LayerInfo> {
  const onVerified = (diffId: DiffId): void => lease.layer(diffId);
  await using writer = await context.layers.ingestTar(signal === undefined ? { onVerified } : { onVerified, signal });
  for await (const chunk of openArchiveInput(rootfs, signal)) await writer.write(chunk);
  return (await writer.commit()).layer;
}

function configOf(
  context: ImageContext,
  layer: LayerInfo,
  defaults: ContainerDefaults,
  { message, source, platform }: ImportOptions,
): ImageConfig {
  const { architecture, os, variant } = platform ?? hostPlatform();
  const created = new Date(context.now()).toISOString();
  const comment = message === undefined || message === "" ? `Imported from ${source}` : message;
  return {
    architecture,
    comment,
    config: defaults,
    created,
    history: [{ created, comment }],
    os,
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    ...(variant === undefined ? {} : { variant }),
  };
}
