import type { ImageBuilding, LocalBase } from "#images";
import { takeLease } from "#metadata";
import type { Metadata } from "#metadata";
import { formatReference, platformRank } from "#oci";
import type { Platform, Reference } from "#oci";
import type { RegistryClient } from "#remote";
import { openOrigin } from "./baseOrigin.ts";
import type { ImageResolver, ResolvedImage, ResolveOptions } from "./imageResolver.ts";
import { resolveError } from "./resolveErrors.ts";

export interface ImageSourceRooms {
  readonly images: ImageBuilding;
  readonly remote: RegistryClient;
  readonly metadata: Metadata;
}

/**
 * Bases as dockerd's builder finds them: what is here under the name wins unless `pull` is asked for or it is for another
 * platform; else manifest and config come from the registry, which is told by the digest of the answer.
 */
export function createImageResolver(rooms: ImageSourceRooms): ImageResolver {
  return {
    async resolve(reference, options) {
      const local =
        options.ociLayout === undefined && options.mode !== "pull"
          ? await findLocal(rooms, reference, options.platform)
          : undefined;
      if (local !== undefined && isFor(local, options.platform)) return asLocal(reference, local, options.platform);
      return await resolveRemote(rooms, reference, options);
    },
  };
}

function findLocal(
  { images }: ImageSourceRooms,
  reference: Reference,
  platform: Platform,
): Promise<LocalBase | undefined> {
  return images.findBase(reference, platform);
}

/** As the machine sees it, but no sibling: what is here for 386 does not serve amd64. */
function isFor({ config }: LocalBase, platform: Platform): boolean {
  if (config.architecture === "") return true;
  return config.architecture === platform.architecture && platformRank(platform, config) !== undefined;
}

function asLocal(reference: Reference, { imageId, diffIds, config }: LocalBase, platform: Platform): ResolvedImage {
  const source = {
    kind: "image",
    reference,
    manifest: undefined,
    imageId,
    platform,
    diffIds,
    origin: "local",
  } as const;
  return { source, digest: undefined, config };
}

async function resolveRemote(
  { images, remote, metadata }: ImageSourceRooms,
  reference: Reference,
  { platform, session, ociLayout, signal }: ResolveOptions,
): Promise<ResolvedImage> {
  using lease = takeLease(metadata, `resolve ${formatReference(reference)}`);
  try {
    const from = await openOrigin(remote, reference, { session, ociLayout });
    const base = await images.resolveBase(reference, { ...from, platform, lease, signal });
    return {
      source: {
        kind: "image",
        reference,
        manifest: base.manifest.digest,
        imageId: base.configDescriptor.digest,
        platform,
        diffIds: base.layers.map(({ diffId }) => diffId),
        origin: ociLayout === undefined ? "registry" : { ociLayout },
      },
      digest: base.target.digest,
      config: base.config,
    };
  } catch (error) {
    throw resolveError(error, reference);
  }
}
