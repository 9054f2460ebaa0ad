import { imageLayersOf } from "#analysis";
import type { BlobReader } from "#content";
import type { ImageLayerReply, LayerIndexLine } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { ErofsStat } from "#erofs";
import type { FoundImage, ImageCatalog } from "#images";
import type { LayerInfo, LayerStore } from "#layers";
import type { Metadata } from "#metadata";
import { MAX_MANIFEST_BYTES, parseManifest } from "#oci";
import type { Descriptor, DiffId } from "#oci";
import { toDisplayPath } from "#tar";
import type { LookBackend, LookOptions } from "./lookBackend.ts";

/** What looking stands on. */
export interface LookRooms {
  readonly images: Pick<ImageCatalog, "lookup">;
  readonly content: BlobReader;
  readonly metadata: Metadata;
  readonly layers: LayerStore;
}

export function createLookBackend(rooms: LookRooms): LookBackend {
  const find = (name: string, { platform }: LookOptions): Promise<FoundImage> => rooms.images.lookup(name, platform);
  return {
    layers: async (name, options) => {
      const image = await find(name, options);
      const manifest = manifestOf(rooms, image);
      return {
        name,
        imageId: image.imageId,
        manifestDigest: manifest.digest,
        config: image.config,
        rawConfig: Buffer.from(image.rawConfig).toString("base64"),
        layers: await layersOf(rooms, image, manifest),
      };
    },
    entries: async (name, options) => {
      const image = await find(name, options);
      const all = image.diffIds.map((_, index) => index);
      return framesOf(rooms, image, options.layer === undefined ? all : [layerIndex(image, options.layer)], options);
    },
    layerFile: async (name, { layer, path, ...options }) => {
      const image = await find(name, options);
      return openFile(rooms, image, { layer: layerIndex(image, layer), path }, options.signal);
    },
  };
}

function manifestOf({ metadata }: LookRooms, { imageId }: FoundImage): Descriptor {
  const record = metadata.images.getContent(imageId);
  if (record === undefined) throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `No such image: ${imageId}`);
  return record.manifest;
}

async function layersOf(
  rooms: LookRooms,
  image: FoundImage,
  manifest: Descriptor,
): Promise<readonly ImageLayerReply[]> {
  const infos = image.diffIds.map((_, index) => infoOf(rooms, image, index));
  const blobs = await blobsOf(rooms.content, manifest);
  const described = imageLayersOf(image.config, (index) => ({ blob: blobs?.[index] }));
  return described.map(({ index, diffId, blob, history, step }) => ({
    index,
    diffId,
    ...(blob === undefined ? {} : { blob }),
    tarBytes: infos[index]?.tarBytes ?? 0,
    contentBytes: infos[index]?.contentBytes ?? 0,
    ...(history === undefined ? {} : { history }),
    step,
  }));
}

/** undefined for an image that came without a manifest, e.g. by load. */
async function blobsOf(content: BlobReader, manifest: Descriptor): Promise<readonly Descriptor[] | undefined> {
  if ((await content.info(manifest.digest)) === undefined) return undefined;
  const document = parseManifest(await content.read(manifest.digest, MAX_MANIFEST_BYTES), manifest.mediaType);
  return document.kind === "manifest" ? document.value.layers : undefined;
}

function infoOf({ layers }: LookRooms, { diffIds }: FoundImage, index: number): LayerInfo {
  const diffId = diffIds[index];
  const info = diffId === undefined ? undefined : layers.get(diffId);
  if (info === undefined)
    throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `layer ${diffId ?? index} is not in the layer store`);
  return info;
}

function layerIndex({ diffIds }: FoundImage, layer: number): number {
  if (Number.isInteger(layer) && layer >= 0 && layer < diffIds.length) return layer;
  const count = diffIds.length === 1 ? "1 layer" : `${diffIds.length} layers`;
  throw new EngineError("not_found", ErrorCode.LAYER_NOT_FOUND, `no layer ${layer}: the image has ${count}, from 0`);
}

async function* framesOf(
  rooms: LookRooms,
  image: FoundImage,
  wanted: readonly number[],
  { signal }: LookOptions,
): AsyncGenerator<Uint8Array> {
  for (const layer of wanted) {
    const { diffId, impliedDirectories, lowerHardlinks } = infoOf(rooms, image, layer);
    await using index = await rooms.layers.openIndex(diffId);
    const line: LayerIndexLine = { layer, bytes: index.bytes, implied: impliedDirectories, lowerHardlinks };
    yield Buffer.from(`${JSON.stringify(line)}\n`);
    yield* index.read(signal === undefined ? {} : { signal });
  }
}

async function openFile(
  rooms: LookRooms,
  image: FoundImage,
  { layer, path }: { readonly layer: number; readonly path: string },
  signal: AbortSignal | undefined,
): ReturnType<LookBackend["layerFile"]> {
  const { diffId, lowerHardlinks } = infoOf(rooms, image, layer);
  const found = await statOf(rooms.layers, diffId, path);
  if (found?.type === "file") return { size: found.size, body: bytesOf(rooms.layers, diffId, found.nid, signal) };
  const target = lowerHardlinks.find((link) => link.path === path)?.target;
  if (target !== undefined && layer > 0) return openBelow(rooms, image, { layer, path: target }, signal);
  const message = `${toDisplayPath(path) || "/"}: layer ${layer} has no such file`;
  throw new EngineError("not_found", ErrorCode.CONTAINER_FILE, message);
}

/** The file that a hard link into lower layers means. */
async function openBelow(
  rooms: LookRooms,
  image: FoundImage,
  { layer, path }: { readonly layer: number; readonly path: string },
  signal: AbortSignal | undefined,
): ReturnType<LookBackend["layerFile"]> {
  await using view = await rooms.layers.openView(image.diffIds.slice(0, layer));
  const found = view.lookup(path, { follow: false });
  if (found?.stat.type !== "file")
    throw new EngineError("not_found", ErrorCode.CONTAINER_FILE, `${toDisplayPath(path)}: no layer has such a file`);
  return openFile(rooms, image, { layer: found.layer, path }, signal);
}

async function statOf(layers: LayerStore, diffId: DiffId, path: string): Promise<ErofsStat | undefined> {
  await using reader = await layers.openReader(diffId);
  const nid = reader.image.lookup(path);
  return nid === undefined ? undefined : reader.image.stat(nid);
}

/** Opens when the first byte is asked for: what nobody reads needs no closing. */
async function* bytesOf(
  layers: LayerStore,
  diffId: DiffId,
  nid: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  await using reader = await layers.openReader(diffId);
  yield* reader.readFile(nid, signal === undefined ? {} : { signal });
}
