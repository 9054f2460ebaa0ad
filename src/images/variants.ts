import type { BlobReader } from "#content";
import { EngineError, ErrorCode, isNotFound } from "#errors";
import { takeLease } from "#metadata";
import type { ImageContentRecord } from "#metadata";
import {
  formatPlatform,
  isAttestation,
  isIndexMediaType,
  MAX_MANIFEST_BYTES,
  parseManifest,
  parseReference,
  platformRank,
} from "#oci";
import type { Descriptor, DiffId, Digest, ImageConfig, Platform, Reference } from "#oci";
import { findConfig } from "./configs.ts";
import type { ImageContext } from "./context.ts";
import { fetchLayers } from "./pull/fetchLayers.ts";
import { pairLayers } from "./pull/resolveImage.ts";
import { recordImage } from "./recordImage.ts";

/**
 * An image of several platforms is one name for an index. One platform's image is recorded under it (this machine's, if it
 * has one); the others are its variants: their manifests, configs and layers are here because the index keeps them. A variant
 * gets a record of its own, without a name, when it is asked for first; lists do not show it apart.
 */
export interface Variant {
  readonly imageId: Digest;
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  /** base first */
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: DiffId }[];
}

const KEPT = 256;
const caches = new WeakMap<BlobReader, Map<Digest, readonly Descriptor[]>>();

/** What an index names; nothing for what is none, or is not here. Content never changes, so the last 256 are kept. */
export async function childrenOf({ content }: ImageContext, target: Descriptor): Promise<readonly Descriptor[]> {
  if (!isIndexMediaType(target.mediaType)) return [];
  const cache = caches.get(content) ?? new Map<Digest, readonly Descriptor[]>();
  caches.set(content, cache);
  const known = cache.get(target.digest);
  if (known !== undefined) return known;
  try {
    const document = parseManifest(await content.read(target.digest, MAX_MANIFEST_BYTES), target.mediaType);
    const children = document.kind === "index" ? document.value.manifests : [];
    cache.set(target.digest, children);
    const oldest = cache.keys().next().value;
    if (cache.size > KEPT && oldest !== undefined) cache.delete(oldest);
    return children;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** The variant behind a manifest; undefined unless all of it is here. */
export async function readVariant(context: ImageContext, manifest: Descriptor): Promise<Variant | undefined> {
  if (isAttestation(manifest) || isIndexMediaType(manifest.mediaType)) return undefined;
  try {
    const document = parseManifest(await context.content.read(manifest.digest, MAX_MANIFEST_BYTES), manifest.mediaType);
    if (document.kind !== "manifest") return undefined;
    const config = await findConfig(context.content, document.value.config.digest);
    if (config === undefined) return undefined;
    const layers = pairLayers(document.value.layers, config.rootfs.diff_ids);
    for (const { descriptor, diffId } of layers) {
      const isHere = context.layers.get(diffId) !== undefined;
      if (!isHere && (await context.content.info(descriptor.digest)) === undefined) return undefined;
    }
    return { imageId: document.value.config.digest, manifest, config, layers };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** What the names of an image point at that is an index; the given name's first. */
export function indexesOf(context: ImageContext, image: ImageContentRecord, name?: string): readonly Descriptor[] {
  const records = context.metadata.images.listByImageId(image.imageId);
  const named = records.filter(({ reference }) => reference === name);
  return [...named, ...records].map(({ target }) => target).filter(({ mediaType }) => isIndexMediaType(mediaType));
}

/** All variants that are here whole, beside the recorded image itself. */
export async function variantsOf(
  context: ImageContext,
  image: ImageContentRecord,
  index: Descriptor,
): Promise<readonly Variant[]> {
  const others = (await childrenOf(context, index)).filter(({ digest }) => digest !== image.manifest.digest);
  const read = await Promise.all(others.map((child) => readVariant(context, child)));
  return read.filter((variant) => variant !== undefined);
}

const platformOf = ({ manifest, config }: Variant): Platform => manifest.platform ?? config;

/** Gives a variant its record: layers that are here as blobs only are made, its stack is committed. */
async function record(context: ImageContext, variant: Variant, origin: Reference): Promise<ImageContentRecord> {
  const { imageId, manifest, layers } = variant;
  using lease = takeLease(context.metadata, `image ${imageId}`);
  lease.blob(imageId);
  lease.blob(manifest.digest);
  const { mediaType, digest, size } = manifest;
  const plain = { mediaType, digest, size };
  // All of it is here: the repository is asked for nothing.
  const repository = context.remote.repository(origin);
  await fetchLayers({ context, lease, repository, progress: () => undefined, signal: undefined }, layers);
  const diffIds = layers.map(({ diffId }) => diffId);
  const arrived = { imageId, manifest: plain, target: plain, diffIds, reference: undefined, withRepoDigest: false };
  await recordImage(context, lease, arrived);
  const content = context.metadata.images.getContent(imageId);
  if (content === undefined) throw new Error(`image ${imageId} was not recorded`);
  return content;
}

/** A variant's record, made if it has none. `key`: a name of its index. */
export async function recordedVariant(
  context: ImageContext,
  variant: Variant,
  key: string,
): Promise<ImageContentRecord> {
  const known = context.metadata.images.getContent(variant.imageId);
  return known ?? (await record(context, variant, parseReference(key)));
}

/** Every platform's image under a name's index, recorded, in the index's order; nothing when there is but one. */
export async function recordedVariants(
  context: ImageContext,
  image: ImageContentRecord,
  key: string,
): Promise<readonly { readonly content: ImageContentRecord; readonly platform: Platform }[]> {
  const target = context.metadata.images.get(key)?.target;
  if (target === undefined || !isIndexMediaType(target.mediaType)) return [];
  const found: { readonly content: ImageContentRecord; readonly platform: Platform }[] = [];
  for (const child of await childrenOf(context, target)) {
    const variant = await readVariant(context, child);
    if (variant === undefined) continue;
    const content = await recordedVariant(context, variant, key);
    const { os, architecture, variant: level } = platformOf(variant);
    found.push({ content, platform: { architecture, os, ...(level === undefined ? {} : { variant: level }) } });
  }
  return found.length > 1 && found.some(({ content }) => content.imageId === image.imageId) ? found : [];
}

/**
 * The image that serves a platform best: the recorded one, or a variant of it. Undefined when none does.
 * `key` is the name that it was found by, as records have it.
 */
export async function imageForPlatform(
  context: ImageContext,
  image: ImageContentRecord,
  wish: { readonly platform: Platform; readonly key?: string },
): Promise<ImageContentRecord | undefined> {
  const config = await findConfig(context.content, image.imageId);
  const own = config === undefined ? undefined : platformRank(wish.platform, config);
  if (own === 0) return image;
  const [index] = indexesOf(context, image, wish.key);
  if (index === undefined) return own === undefined ? undefined : image;
  let best: { readonly variant: Variant; readonly rank: number } | undefined;
  for (const variant of await variantsOf(context, image, index)) {
    const rank = platformRank(wish.platform, platformOf(variant));
    if (rank !== undefined && rank < (best?.rank ?? own ?? Number.POSITIVE_INFINITY)) best = { variant, rank };
  }
  if (best === undefined) return own === undefined ? undefined : image;
  const [name] = context.metadata.images.listByImageId(image.imageId);
  return recordedVariant(context, best.variant, name?.reference ?? "variant");
}

/** @throws {not_found} as dockerd says it of a platform that an image does not have. */
export function noSuchPlatform(name: string, platform: Platform): EngineError {
  const wanted = formatPlatform(platform);
  const message = `image with reference ${name} was found but does not provide the specified platform (${wanted})`;
  return new EngineError("not_found", ErrorCode.NO_MATCHING_PLATFORM, message);
}

/** Records without a name that are variants of images which have one: they are no images of their own. */
export async function hiddenVariants(context: ImageContext): Promise<ReadonlySet<Digest>> {
  const { images } = context.metadata;
  const records = images.list();
  const named = new Set(records.map(({ imageId }) => imageId));
  const nameless = images.listContent().filter(({ imageId }) => !named.has(imageId));
  if (nameless.length === 0) return new Set();
  const targets = new Map(records.map(({ target }) => [target.digest, target]));
  const children = await Promise.all([...targets.values()].map((target) => childrenOf(context, target)));
  const manifests = new Set(children.flat().map(({ digest }) => digest));
  return new Set(nameless.filter(({ manifest }) => manifests.has(manifest.digest)).map(({ imageId }) => imageId));
}
