import { compileSearch } from "#analysis";
import type { SearchedImage, SearchQuery } from "#analysis";
import type { DiffId } from "#oci";
import type { LookOptions } from "./lookBackend.ts";
import type { LookThread } from "./lookThread.ts";
import { calledImages, layerFileOf } from "./storedImages.ts";
import type { LookRooms } from "./storedImages.ts";

/** What is looked for, and in which images: all of the store without one. */
export interface StoreSearch {
  readonly query: SearchQuery;
  readonly images: readonly string[];
}

/** Every layer once, however many images have it. @throws {invalid_argument} for a query, {not_found} for an image */
export async function searchStore(
  rooms: LookRooms,
  thread: LookThread,
  { query, images: wanted }: StoreSearch,
  { platform, signal }: LookOptions,
): Promise<AsyncIterable<Uint8Array>> {
  const needsBytes = compileSearch(query).sha256 !== undefined;
  const images =
    wanted.length === 0
      ? allImages(rooms)
      : await Promise.all(
          wanted.map(async (name) => ({ name, diffIds: (await rooms.images.lookup(name, platform)).diffIds })),
        );
  const layers = [];
  for (const diffId of new Set(images.flatMap(({ diffIds }) => diffIds))) {
    const info = rooms.layers.get(diffId);
    if (info === undefined) continue;
    const file = layerFileOf(rooms, info);
    const digests = needsBytes ? await digestsOf(rooms, thread, { diffId, file }, signal) : undefined;
    layers.push({ ...file, digests });
  }
  return (await thread.run({ kind: "search", query, layers, images }, signal)).body;
}

function allImages({ metadata }: LookRooms): readonly (SearchedImage & { readonly diffIds: readonly DiffId[] })[] {
  return calledImages(metadata).flatMap(({ names, content: { diffIds } }) => names.map((name) => ({ name, diffIds })));
}

/** Hashed once for the layer's life. */
async function digestsOf(
  { metadata }: LookRooms,
  thread: LookThread,
  { diffId, file }: { readonly diffId: DiffId; readonly file: ReturnType<typeof layerFileOf> },
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const known = metadata.layers.getContents(diffId);
  if (known !== undefined) return known;
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await thread.run({ kind: "hash", file }, signal)).body) chunks.push(chunk);
  const digests = Buffer.concat(chunks);
  metadata.layers.putContents(diffId, digests);
  return digests;
}
