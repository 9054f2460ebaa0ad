import { imageLayersOf } from "#analysis";
import type { ImageLayer, NamedLayers } from "#analysis";
import type { BlobReader } from "#content";
import type { ContainerService } from "#containers";
import { EngineError, ErrorCode } from "#errors";
import type { FoundImage, ImageCatalog } from "#images";
import type { LayerFileOfStack, LayerInfo, LayerStore } from "#layers";
import type { ImageContentRecord, Metadata } from "#metadata";
import { familiarReference, hexOf, MAX_MANIFEST_BYTES, parseManifest, parseReference } from "#oci";
import type { Descriptor, Digest } from "#oci";
import type { Snapshotter } from "#snapshots";
import type { ImageParts } from "./lookJobs.ts";

/** What looking stands on. */
export interface LookRooms {
  readonly images: Pick<ImageCatalog, "lookup">;
  readonly containers: Pick<ContainerService, "inspect">;
  readonly content: BlobReader;
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly snapshots: Pick<Snapshotter, "driver" | "graphDriverData" | "list">;
}

const SHORT_HEX = 12;

/** An image of the store with what it is called: its tags, or its short ID when it has none. */
export interface CalledImage {
  readonly names: readonly string[];
  readonly content: ImageContentRecord;
}

/** Every image, named or not. */
export function calledImages({ images }: Metadata): readonly CalledImage[] {
  const names = new Map<Digest, string[]>();
  for (const { imageId, reference } of images.list()) {
    const parsed = parseReference(reference);
    if (parsed.digest !== undefined) continue;
    names.set(imageId, [...(names.get(imageId) ?? []), familiarReference(parsed)]);
  }
  return images.listContent().map((content) => {
    const own = names.get(content.imageId)?.sort() ?? [`sha256:${hexOf(content.imageId).slice(0, SHORT_HEX)}`];
    return { names: own, content };
  });
}

/** Names with their layers: what may be a base. */
export function namedLayers(metadata: Metadata): readonly NamedLayers[] {
  return calledImages(metadata).flatMap(({ names, content: { diffIds } }) => names.map((name) => ({ name, diffIds })));
}

export function manifestOf({ metadata }: Pick<LookRooms, "metadata">, { imageId }: FoundImage): Descriptor {
  const record = metadata.images.getContent(imageId);
  if (record === undefined) throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `No such image: ${imageId}`);
  return record.manifest;
}

/** The image as another thread can open it. */
export async function partsOf(rooms: LookRooms, name: string, image: FoundImage): Promise<ImageParts> {
  const manifest = manifestOf(rooms, image);
  const { imageId, rawConfig } = image;
  return {
    name,
    imageId,
    manifestDigest: manifest.digest,
    rawConfig,
    layers: await layersOf(rooms, image, manifest),
    files: image.diffIds.map((_, index) => layerFileOf(rooms, infoOf(rooms, image, index))),
  };
}

export function layerFileOf({ layers }: Pick<LookRooms, "layers">, info: LayerInfo): LayerFileOfStack {
  return { info, path: layers.path(info.diffId) };
}

export async function layersOf(
  rooms: LookRooms,
  image: FoundImage,
  manifest: Descriptor,
): Promise<readonly ImageLayer[]> {
  const blobs = await blobsOf(rooms.content, manifest);
  return imageLayersOf(image.config, (index) => ({
    blob: blobs?.[index],
    tarBytes: infoOf(rooms, image, index).tarBytes,
  }));
}

/** undefined for an image that came without a manifest, e.g. by load. */
async function blobsOf(content: BlobReader, manifest: Descriptor): Promise<readonly Descriptor[] | undefined> {
  if ((await content.info(manifest.digest)) === undefined) return undefined;
  const document = parseManifest(await content.read(manifest.digest, MAX_MANIFEST_BYTES), manifest.mediaType);
  return document.kind === "manifest" ? document.value.layers : undefined;
}

/** @throws {not_found} LAYER_NOT_FOUND */
export function infoOf({ layers }: Pick<LookRooms, "layers">, { diffIds }: FoundImage, index: number): LayerInfo {
  const diffId = diffIds[index];
  const info = diffId === undefined ? undefined : layers.get(diffId);
  if (info === undefined)
    throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId ?? index} is not in the layer store`);
  return info;
}
