import type { DiffId } from "#oci";
import type { ErofsStat } from "#erofs";
import type { ImageLayersReply, LayerIndexLine } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { FoundImage } from "#images";
import type { LayerStore } from "#layers";
import { toDisplayPath } from "#tar";
import type { ImageSide, LookBackend, LookOptions, PlaceOptions } from "./lookBackend.ts";
import type { PlaceInImage } from "./lookJobs.ts";
import type { LookThread } from "./lookThread.ts";
import { overlayOf } from "./overlayOf.ts";
import { searchStore } from "./searchStore.ts";
import { infoOf, layersOf, manifestOf, namedLayers, partsOf } from "./storedImages.ts";
import type { LookRooms } from "./storedImages.ts";
import { storeTree } from "./storeTree.ts";

/** `thread` is the caller's to dispose. */
export function createLookBackend(rooms: LookRooms, thread: LookThread): LookBackend {
  const place = async (name: string, options: PlaceOptions): Promise<PlaceInImage> => {
    const image = await partsOf(rooms, name, await find(name, options));
    return { image, step: options.step, path: options.path };
  };
  const find = (name: string, { platform }: LookOptions): Promise<FoundImage> => rooms.images.lookup(name, platform);
  return {
    layers: async (name, options) => describe(rooms, name, await find(name, options)),
    files: async (name, options) => {
      const { recursive, signal } = options;
      return (await thread.run({ kind: "files", ...(await place(name, options)), recursive }, signal)).body;
    },
    file: async (name, options) => {
      const { head, body } = await thread.run({ kind: "file", ...(await place(name, options)) }, options.signal);
      return { size: Number(head), body };
    },
    archive: async (name, options) =>
      (await thread.run({ kind: "archive", ...(await place(name, options)) }, options.signal)).body,
    why: async (name, options) => {
      const known = namedLayers(rooms.metadata);
      return (await thread.run({ kind: "why", ...(await place(name, options)), known }, options.signal)).body;
    },
    diff: async (before, after, { signal, ...options }) => {
      const sideOf = async ({ name, step, ...wish }: ImageSide): Promise<Omit<PlaceInImage, "path">> => ({
        image: await partsOf(rooms, name, await find(name, wish)),
        step,
      });
      const job = { kind: "diff", before: await sideOf(before), after: await sideOf(after), options } as const;
      return (await thread.run(job, signal)).body;
    },
    efficiency: async (name, options) => {
      const image = await partsOf(rooms, name, await find(name, options));
      return (await thread.run({ kind: "scores", image }, options.signal)).body;
    },
    search: (query, images, options) => searchStore(rooms, thread, { query, images }, options),
    tree: () => storeTree(rooms),
    overlay: (name, options) => overlayOf(rooms, thread, name, options),
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

async function describe(rooms: LookRooms, name: string, image: FoundImage): Promise<ImageLayersReply> {
  const manifest = manifestOf(rooms, image);
  const layers = await layersOf(rooms, image, manifest);
  return {
    name,
    imageId: image.imageId,
    manifestDigest: manifest.digest,
    config: image.config,
    rawConfig: Buffer.from(image.rawConfig).toString("base64"),
    layers: layers.map(({ index, diffId, blob, history, step }) => {
      const { tarBytes, contentBytes } = infoOf(rooms, image, index);
      return {
        index,
        diffId,
        ...(blob === undefined ? {} : { blob }),
        tarBytes,
        contentBytes,
        ...(history === undefined ? {} : { history }),
        step,
      };
    }),
  };
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
