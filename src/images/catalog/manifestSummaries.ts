import type { ImageManifestSummary, WireDescriptor } from "#engineapi";
import type { ImageContentRecord } from "#metadata";
import { isAttestation, isIndexMediaType, MAX_MANIFEST_BYTES, parseManifest } from "#oci";
import type { Descriptor } from "#oci";
import { readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { readVariant } from "../variants.ts";
import { imageBytes } from "./imageSize.ts";

/** What an image's name offers, platform by platform (`docker images --tree`): the one that is here, and those that are not. */
export async function summarizeManifests(
  context: ImageContext,
  image: ImageContentRecord,
): Promise<readonly ImageManifestSummary[]> {
  const index = context.metadata.images
    .listByImageId(image.imageId)
    .map(({ target }) => target)
    .find(({ mediaType }) => isIndexMediaType(mediaType));
  const own = image.manifest.digest;
  const listed = index === undefined ? [] : await manifestsOf(context, index);
  const all = listed.some(({ digest }) => digest === own) ? listed : [image.manifest, ...listed];
  return Promise.all(
    all.map(async (manifest) => {
      if (manifest.digest === own) return presentManifest(context, image, manifest);
      const variant = await readVariant(context, manifest);
      if (variant === undefined) return absentManifest(manifest);
      const diffIds = variant.layers.map(({ diffId }) => diffId);
      return presentManifest(context, { imageId: variant.imageId, manifest, diffIds }, manifest);
    }),
  );
}

type PresentImage = Pick<ImageContentRecord, "imageId" | "manifest" | "diffIds">;

async function manifestsOf(context: ImageContext, index: Descriptor): Promise<readonly Descriptor[]> {
  if ((await context.content.info(index.digest)) === undefined) return [];
  const document = parseManifest(await context.content.read(index.digest, MAX_MANIFEST_BYTES), index.mediaType);
  return document.kind === "index" ? document.value.manifests : [];
}

async function presentManifest(
  context: ImageContext,
  image: PresentImage,
  manifest: Descriptor,
): Promise<ImageManifestSummary> {
  const { config, raw } = await readConfig(context.content, image.imageId);
  const unpacked = imageBytes(context, image.diffIds);
  const content = raw.byteLength + manifest.size + (await blobBytes(context, image));
  const variant = config.variant === undefined ? {} : { variant: config.variant };
  return {
    ID: manifest.digest,
    Descriptor: wireDescriptor(manifest),
    Available: true,
    Size: { Content: content, Total: content + unpacked },
    Kind: "image",
    ImageData: {
      Platform: { architecture: config.architecture, os: config.os, ...variant },
      Containers: context.users.usersOf(image.imageId).map(({ id }) => id),
      Size: { Unpacked: unpacked },
    },
  };
}

async function blobBytes(context: ImageContext, image: PresentImage): Promise<number> {
  if ((await context.content.info(image.manifest.digest)) === undefined) return 0;
  const document = parseManifest(
    await context.content.read(image.manifest.digest, MAX_MANIFEST_BYTES),
    image.manifest.mediaType,
  );
  if (document.kind !== "manifest") return 0;
  // A layer that came as a plain tar has no blob: its layer file is counted as unpacked.
  const sizes = await Promise.all(
    document.value.layers.map(async ({ digest }) => (await context.content.info(digest))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function absentManifest(manifest: Descriptor): ImageManifestSummary {
  const shared = {
    ID: manifest.digest,
    Descriptor: wireDescriptor(manifest),
    Available: false,
    Size: { Content: 0, Total: 0 },
  };
  if (isAttestation(manifest)) {
    const about = manifest.annotations?.["vnd.docker.reference.digest"] ?? "";
    return { ...shared, Kind: "attestation", AttestationData: { For: about } };
  }
  const { platform } = manifest;
  if (platform === undefined) return { ...shared, Kind: "unknown" };
  return { ...shared, Kind: "image", ImageData: { Platform: { ...platform }, Containers: [], Size: { Unpacked: 0 } } };
}

/** The fields that the API shows of a descriptor. */
export function wireDescriptor(descriptor: Descriptor): WireDescriptor {
  const { mediaType, digest, size, platform, annotations } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform: { ...platform } }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
