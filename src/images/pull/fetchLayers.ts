import type { BlobIngester } from "#content";
import type { ProgressSink } from "#engineapi";
import type { Descriptor, DiffId } from "#oci";
import type { RepositoryReader } from "#remote";
import type { ImageContext } from "../context.ts";
import type { ActLease } from "#metadata";
import { allOrNothing } from "./allOrNothing.ts";
import { fetchLayer } from "./fetchLayer.ts";
import { layerProgress, shortId } from "../layerProgress.ts";
import { SharedWork } from "./sharedWork.ts";
import { Slots } from "./slots.ts";

/** What a pull has in hand while it brings layers. */
export interface LayersFetch {
  readonly context: ImageContext;
  readonly lease: ActLease;
  readonly repository: RepositoryReader;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal | undefined;
}

interface WantedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
}

/** All pulls of one daemon write the same content store: whoever wants a layer that is under way waits for it. */
const underWay = new WeakMap<BlobIngester, SharedWork<void>>();

function sharedWorkOf(content: BlobIngester): SharedWork<void> {
  const found = underWay.get(content) ?? new SharedWork<void>();
  underWay.set(content, found);
  return found;
}

/**
 * Brings every layer that is not here, `limits.downloads` at a time. When one fails the others are given up, and this
 * throws only after all of them have stopped.
 */
export async function fetchLayers(fetch: LayersFetch, layers: readonly WantedLayer[]): Promise<void> {
  const missing = withoutRepeats(layers.filter((layer) => !isHere(fetch, layer)));
  for (const { descriptor } of missing.slice(fetch.context.limits.downloads))
    layerProgress(fetch.progress, shortId(descriptor.digest)).status("Waiting");
  const slots = new Slots(fetch.context.limits.downloads);
  await allOrNothing(missing, fetch.signal, (layer, signal) => bring({ ...fetch, signal }, layer, slots));
}

/** An image may have one layer twice. */
function withoutRepeats(layers: readonly WantedLayer[]): readonly WantedLayer[] {
  return Array.from(new Map(layers.map((layer) => [`${layer.descriptor.digest} ${layer.diffId}`, layer])).values());
}

/** Leased first, then looked for: what is found now stays. */
function isHere({ context, lease, progress }: LayersFetch, { descriptor, diffId }: WantedLayer): boolean {
  lease.layer(diffId);
  lease.blob(descriptor.digest);
  lease.add({ kind: "ingest", name: descriptor.digest });
  const found = context.layers.get(diffId) !== undefined;
  layerProgress(progress, shortId(descriptor.digest)).status(found ? "Already exists" : "Pulling fs layer");
  return found;
}

async function bring(fetch: LayersFetch, layer: WantedLayer, slots: Slots): Promise<void> {
  const { context, repository, progress, signal } = fetch;
  const { descriptor, diffId } = layer;
  await sharedWorkOf(context.content).join(`${descriptor.digest} ${diffId}`, { progress, signal }, (run) =>
    fetchLayer({ context, repository, descriptor, diffId, slots }, run),
  );
}
