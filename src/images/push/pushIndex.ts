import { isNotFound } from "#errors";
import { isIndexMediaType, MAX_MANIFEST_BYTES, parseDiffId, parseManifest } from "#oci";
import type { Descriptor, Digest, ManifestDocument, Reference } from "#oci";
import type { ImageContext } from "../context.ts";
import { layerProgress, shortId } from "../layerProgress.ts";
import { allOrNothing } from "../pull/allOrNothing.ts";
import { Slots } from "../pull/slots.ts";
import type { Push } from "./pushOne.ts";
import { PushTarget } from "./pushTarget.ts";

/** An index with all that it names: documents (children first) and blobs, each once. */
export interface WholeIndex {
  readonly documents: readonly ManifestDocument[];
  readonly blobs: readonly Descriptor[];
}

/**
 * The index that a name points at, if all of it is here: one that was built here for several platforms. Of a pulled one
 * only this machine's platform is, and that alone is pushed.
 */
export async function wholeIndex(context: ImageContext, target: Descriptor): Promise<WholeIndex | undefined> {
  if (!isIndexMediaType(target.mediaType)) return undefined;
  const index = await readDocument(context, target);
  if (index?.kind !== "index") return undefined;
  const blobs = new Map<Digest, Descriptor>();
  const manifests: ManifestDocument[] = [];
  for (const child of index.value.manifests) {
    const manifest = await readDocument(context, child);
    if (manifest?.kind !== "manifest") return undefined;
    manifests.push(manifest);
    for (const blob of [...manifest.value.layers, manifest.value.config]) blobs.set(blob.digest, blob);
  }
  for (const digest of blobs.keys()) {
    // A plain tar is in its layer.
    const isLayer = context.layers.get(parseDiffId(digest)) !== undefined;
    if (!isLayer && (await context.content.info(digest)) === undefined) return undefined;
  }
  return { documents: [...manifests, index], blobs: [...blobs.values()] };
}

async function readDocument(context: ImageContext, of: Descriptor): Promise<ManifestDocument | undefined> {
  try {
    return parseManifest(await context.content.read(of.digest, MAX_MANIFEST_BYTES), of.mediaType);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Sends it all; the index gets the tag. Returns the index's descriptor. */
export async function pushIndex(
  { context, repository, progress, signal }: Push,
  reference: Reference & { readonly tag: string },
  { whole, target: named }: { readonly whole: WholeIndex; readonly target: Descriptor },
): Promise<Descriptor> {
  const { documents, blobs } = whole;
  const target = new PushTarget(context, reference, { repository, signal });
  const slots = new Slots(context.limits.uploads);
  const shown = blobs.map((blob) => ({ blob, lines: layerProgress(progress, shortId(blob.digest)) }));
  for (const { lines } of shown) lines.status("Preparing");
  await allOrNothing(shown, signal, ({ blob, lines }, either) =>
    slots.run(() => target.send(blob, lines, either), either),
  );
  const root = documents.at(-1);
  for (const document of documents) {
    const name = document === root ? reference.tag : document.digest;
    await repository.putManifest(name, document, signal === undefined ? {} : { signal });
  }
  return { mediaType: named.mediaType, digest: named.digest, size: named.size };
}
