import { chainIdsOf, formatReference, withDigest } from "#oci";
import type { ChainId, Descriptor, DiffId, Digest, Reference } from "#oci";
import type { ImageContext } from "./context.ts";
import type { ActLease } from "#metadata";

/** An image whose blobs and layers are all here, under the lease of the act that brought them. */
export interface ArrivedImage {
  readonly imageId: Digest;
  /** The manifest of this platform; its blob is in the content store. */
  readonly manifest: Descriptor;
  /** What the reference named: the manifest itself, or the index above it. */
  readonly target: Descriptor;
  /** base first */
  readonly diffIds: readonly DiffId[];
  /** The name it gets; undefined leaves it dangling. */
  readonly reference: Reference | undefined;
  /** True when the name is a tagging in dockerd's sense (import, not pull and load): `Metadata.LastTagTime` says when. */
  readonly isTagging?: boolean;
  /** True for what came from or went to a registry: `repository@digest` is recorded too, which is what RepoDigests shows. */
  readonly withRepoDigest: boolean;
}

/**
 * Makes an image exist: commits its stack as snapshots, then puts all records in one transaction. A name that pointed
 * elsewhere moves; the image it left stays, dangling.
 */
export async function recordImage(context: ImageContext, lease: ActLease, image: ArrivedImage): Promise<void> {
  const chainIds = chainIdsOf(image.diffIds);
  let parent: ChainId | undefined;
  for (const [index, diffId] of image.diffIds.entries()) {
    const name = chainIds[index];
    if (name !== undefined) lease.add({ kind: "snapshot", name });
    parent = await context.snapshots.commitLayer(diffId, parent);
  }
  context.metadata.transaction(() => {
    const now = context.now();
    const { images } = context.metadata;
    const known = images.getContent(image.imageId);
    images.putContent({
      imageId: image.imageId,
      manifest: image.manifest,
      chainId: parent,
      diffIds: image.diffIds,
      lastTaggedAt: image.isTagging === true && image.reference !== undefined ? now : known?.lastTaggedAt,
      createdAt: known?.createdAt ?? now,
    });
    for (const reference of namesOf(image)) putName(context, reference, image);
  });
}

function namesOf(image: ArrivedImage): readonly string[] {
  const { reference, withRepoDigest, target } = image;
  if (reference === undefined) return [];
  const own = reference.tag === undefined && reference.digest === undefined ? [] : [formatReference(reference)];
  return [...new Set(withRepoDigest ? [...own, formatReference(withDigest(reference, target.digest))] : own)];
}

/** Points a name at an image; call it within a transaction. */
export function putName(
  context: ImageContext,
  reference: string,
  image: { readonly imageId: Digest; readonly target: Descriptor },
): void {
  const { images } = context.metadata;
  const now = context.now();
  images.put({
    reference,
    target: image.target,
    imageId: image.imageId,
    createdAt: images.get(reference)?.createdAt ?? now,
    updatedAt: now,
  });
}
