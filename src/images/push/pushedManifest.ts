import { isNotFound } from "#errors";
import type { ImageContentRecord } from "#metadata";
import { compressionOf, digestOf, MAX_MANIFEST_BYTES, MediaType, parseManifest } from "#oci";
import type { Descriptor, ManifestDocument, OciManifest } from "#oci";
import type { ImageContext } from "../context.ts";
import type { PushTarget } from "./pushTarget.ts";

/** A manifest as it goes to the registry. */
export interface PushedManifest {
  readonly raw: Uint8Array;
  readonly descriptor: Descriptor;
}

type StoredManifest = Extract<ManifestDocument, { readonly kind: "manifest" }>;

/** The schema 2 manifest that Docker would write: three spaces, keys in this order. The same input gives the same bytes. */
export function makeManifest(config: Descriptor, layers: readonly Descriptor[]): PushedManifest {
  const plain = ({ mediaType, size, digest }: Descriptor): object => ({ mediaType, size, digest });
  const value = {
    schemaVersion: 2,
    mediaType: MediaType.DOCKER_MANIFEST,
    config: plain(config),
    layers: layers.map(plain),
  };
  const raw = Buffer.from(JSON.stringify(value, undefined, 3));
  const descriptor = { mediaType: MediaType.DOCKER_MANIFEST, digest: digestOf(raw), size: raw.byteLength };
  return { raw, descriptor };
}

/** A layer that registries do not take, only name. */
export function isForeign(layer: Descriptor): boolean {
  return (layer.urls?.length ?? 0) > 0;
}

/**
 * The image's own manifest if it can be pushed as it is, so that its digest stays: every blob is here or at the target.
 * A manifest whose plain layers no registry has ever held came from an archive; Docker pushes such layers compressed.
 */
export async function reusableManifest(
  context: ImageContext,
  content: ImageContentRecord,
  target: PushTarget,
): Promise<StoredManifest | undefined> {
  const document = await storedManifest(context, content);
  if (document === undefined) return undefined;
  const { layers, config } = document.value;
  if (config.digest !== content.imageId || layers.length !== content.diffIds.length) return undefined;
  if (layers.some((layer) => isArchived(context, layer))) return undefined;
  return (await areReachable(context, document.value, target)) ? document : undefined;
}

async function storedManifest(
  context: ImageContext,
  { manifest }: ImageContentRecord,
): Promise<StoredManifest | undefined> {
  try {
    const raw = await context.content.read(manifest.digest, MAX_MANIFEST_BYTES);
    const document = parseManifest(raw, manifest.mediaType);
    return document.kind === "manifest" ? document : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isArchived({ metadata }: ImageContext, { mediaType, digest }: Descriptor): boolean {
  return compressionOf(mediaType) === "none" && metadata.layers.sources(digest).length === 0;
}

async function areReachable(context: ImageContext, manifest: OciManifest, target: PushTarget): Promise<boolean> {
  const missing: Descriptor[] = [];
  for (const layer of manifest.layers)
    if (!isForeign(layer) && (await context.content.info(layer.digest)) === undefined) missing.push(layer);
  const found = await Promise.all(missing.map((layer) => target.present(layer.digest)));
  return !found.includes(undefined);
}
