import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { ActLease } from "#metadata";
import {
  digestOf,
  familiarReference,
  formatReference,
  MAX_MANIFEST_BYTES,
  parseImageConfig,
  parseManifest,
} from "#oci";
import type { Descriptor, Digest } from "#oci";
import { writePlainManifest } from "./archiveManifest.ts";
import { findConfig, readConfig } from "./configs.ts";
import type { ImageContext } from "./context.ts";
import type { BuiltImage, ImageBuilding, RemoteBase } from "./imageBuilding.ts";
import { imageEvent } from "./imageEvents.ts";
import { recordKey } from "./lookup.ts";
import { fetchLayers } from "./pull/fetchLayers.ts";
import { pairLayers, resolveImage, resolveTarget } from "./pull/resolveImage.ts";
import { layerBlob, openBuiltPush } from "./push/pushBuilt.ts";
import { putName, recordImage } from "./recordImage.ts";
import { imageForPlatform } from "./variants.ts";

/** See `ImageBuilding`. */
export function createImageBuilding(context: ImageContext): ImageBuilding {
  return {
    async findBase(reference, platform) {
      const key = recordKey(reference);
      const record = context.metadata.images.get(key);
      const own = record && context.metadata.images.getContent(record.imageId);
      const content = own && ((await imageForPlatform(context, own, { platform, key })) ?? own);
      const config = content && (await findConfig(context.content, content.imageId));
      return content && config && { imageId: content.imageId, diffIds: content.diffIds, config };
    },
    async resolveBase(reference, { repository, platform, lease, signal }) {
      const resolving = { context, lease, repository, platform, signal };
      return await resolveImage(resolving, await resolveTarget(resolving, reference));
    },
    storedBase: (manifest) => readStored(context, manifest),
    async fetchBase(base, { repository, lease, signal, progress, origin }) {
      await fetchLayers({ context, lease, repository, progress, signal }, base.layers);
      if (origin !== undefined) rememberSources(context, base, origin);
    },
    layerBlob: (diffId, wanted) => layerBlob(context, diffId, wanted),
    openPush: (reference, options) => openBuiltPush(context, reference, options),
    recordBuilt: (image, lease) => recordBuilt(context, image, lease),
  };
}

async function readStored(context: ImageContext, manifest: Digest): Promise<RemoteBase | undefined> {
  try {
    const raw = await context.content.read(manifest, MAX_MANIFEST_BYTES);
    const document = parseManifest(raw);
    if (document.kind !== "manifest") return undefined;
    const { config } = await readConfig(context.content, document.value.config.digest);
    const descriptor = { mediaType: document.mediaType, digest: manifest, size: raw.byteLength };
    return {
      target: descriptor,
      manifest: descriptor,
      config,
      configDescriptor: document.value.config,
      layers: pairLayers(document.value.layers, config.rootfs.diff_ids),
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function rememberSources(
  { metadata }: ImageContext,
  base: Pick<RemoteBase, "layers">,
  origin: { domain: string; path: string },
): void {
  const { domain, path } = origin;
  metadata.transaction(() => {
    for (const { descriptor } of base.layers) metadata.layers.putSource({ digest: descriptor.digest, domain, path });
  });
}

async function recordBuilt(context: ImageContext, image: BuiltImage, lease: ActLease): Promise<Digest> {
  const imageId = digestOf(image.config);
  lease.blob(imageId);
  await context.content.put(image.config, imageId);
  for (const diffId of image.diffIds) lease.layer(diffId);
  const manifest = image.manifest ?? (await plainManifest(context, { ...image, imageId }, lease));
  const target = image.target ?? manifest;
  const [reference, ...others] = image.names;
  const { diffIds } = image;
  const arrived = { imageId, manifest, target, diffIds, isTagging: true, withRepoDigest: false };
  await recordImage(context, lease, { ...arrived, reference });
  context.metadata.transaction(() => {
    for (const name of others) putName(context, formatReference(name), { imageId, target });
  });
  const config = parseImageConfig(image.config);
  for (const name of image.names)
    imageEvent(context.events, "tag", { actor: imageId, name: familiarReference(name), config });
  return imageId;
}

async function plainManifest(
  context: ImageContext,
  { imageId, config, diffIds }: BuiltImage & { readonly imageId: Digest },
  lease: ActLease,
): Promise<Descriptor> {
  const layers = diffIds.map((diffId) => {
    const layer = context.layers.get(diffId);
    if (layer !== undefined) return layer;
    throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId} does not exist`);
  });
  const { raw, descriptor } = writePlainManifest({ digest: imageId, size: config.byteLength }, layers);
  lease.blob(descriptor.digest);
  await context.content.put(raw, descriptor.digest);
  return descriptor;
}
