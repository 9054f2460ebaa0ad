import { digestOf, familiarReference, formatReference, parseDockerArchive, platformRank } from "#oci";
import type { Descriptor, Platform, Reference } from "#oci";
import { assembleDocker, assembleOci, assembleVariant } from "./archiveImage.ts";
import type { ArchiveImage, Assembly } from "./archiveImage.ts";
import { INDEX_FILE, noPlatform, readLeaves } from "./archiveIndex.ts";
import type { ArchiveLeaf } from "./archiveIndex.ts";
import { parseRepoTag } from "./archiveManifest.ts";
import { readArchive } from "./archiveReader.ts";
import type { ImageContext } from "./context.ts";
import { invalidArchive } from "./imageErrors.ts";
import { imageEvent } from "./imageEvents.ts";
import type { TransferOptions } from "./imageService.ts";
import { LayerIntake } from "./layerIntake.ts";
import { takeLease } from "#metadata";
import type { ActLease } from "#metadata";
import { putName, recordImage } from "./recordImage.ts";

const MANIFEST_FILE = "manifest.json";

interface LoadOptions extends TransferOptions {
  readonly quiet?: boolean;
}

/** See `ImageTransfer.load`. */
export async function loadArchive(
  context: ImageContext,
  archive: AsyncIterable<Uint8Array>,
  options: LoadOptions,
): Promise<void> {
  const { signal } = options;
  using lease = takeLease(context.metadata, "load");
  try {
    const progress = options.quiet === true ? undefined : options.progress;
    await using intake = new LayerIntake({ context, lease, progress, signal });
    const contents = await readArchive(archive, intake, signal);
    const images = readImages({ context, lease, contents }, options.platform);
    for (const image of images) await storeDocuments(context, lease, image);
    for (const image of images) await record(context, lease, image, options);
  } catch (error) {
    context.collector.schedule();
    throw error;
  }
}

/** All images of the archive, checked whole. `manifest.json` rules, as in dockerd; `index.json` lends it OCI manifests. */
function readImages(assembly: Assembly, platform: Platform | undefined): readonly ArchiveImage[] {
  const { contents } = assembly;
  if (platform !== undefined && contents.has(INDEX_FILE)) return readPlatform(assembly, platform);
  if (contents.has(MANIFEST_FILE)) return readDockerImages(assembly, platform);
  if (!contents.has(INDEX_FILE)) throw invalidArchive(`neither ${MANIFEST_FILE} nor ${INDEX_FILE} in it`);
  const images = readLeaves(contents, platform).map((leaf) => fromLeaf(assembly, leaf));
  if (images.length === 0) throw invalidArchive(`${INDEX_FILE} names no image`);
  return merged(images);
}

function readDockerImages(assembly: Assembly, platform: Platform | undefined): readonly ArchiveImage[] {
  const { contents } = assembly;
  const leaves = contents.has(INDEX_FILE) ? readLeaves(contents, undefined) : [];
  const images = parseDockerArchive(contents.document(MANIFEST_FILE)).map((entry) => {
    const imageId = digestOf(contents.document(entry.Config));
    const leaf = leaves.find(({ manifest }) => manifest.config.digest === imageId);
    const image = leaf === undefined ? assembleDocker(assembly, entry.Config, entry.Layers) : fromLeaf(assembly, leaf);
    return { ...image, references: entry.RepoTags.map(parseRepoTag) };
  });
  if (platform === undefined) return images;
  const wanted = images.filter(({ config }) => platformRank(platform, config) !== undefined);
  if (wanted.length === 0) throw noPlatform(platform);
  return wanted;
}

function fromLeaf(assembly: Assembly, leaf: ArchiveLeaf): ArchiveImage {
  const { written, manifest, target, indexes, siblings, reference } = leaf;
  const image = assembleOci(assembly, written, manifest);
  const variants = siblings.flatMap((sibling) => assembleVariant(assembly, sibling) ?? []);
  return { ...image, target, indexes, variants, references: reference === undefined ? [] : [reference] };
}

/** Each image of the layout in one platform: as its index says, or its config where there is no index. */
function readPlatform(assembly: Assembly, platform: Platform): readonly ArchiveImage[] {
  const images = readLeaves(assembly.contents, platform)
    .map((leaf) => ({ image: fromLeaf(assembly, leaf), isChosen: leaf.indexes.length > 0 }))
    .filter(({ image, isChosen }) => isChosen || platformRank(platform, image.config) !== undefined)
    .map(({ image }) => image);
  if (images.length === 0) throw noPlatform(platform);
  return merged(images);
}

/** `index.json` has one entry per name; an image is told once, with all its names. */
function merged(images: readonly ArchiveImage[]): readonly ArchiveImage[] {
  const byTarget = new Map<string, ArchiveImage>();
  for (const image of images) {
    const key = `${image.imageId} ${image.target.digest}`;
    const known = byTarget.get(key);
    byTarget.set(
      key,
      known === undefined ? image : { ...known, references: [...known.references, ...image.references] },
    );
  }
  return [...byTarget.values()];
}

async function storeDocuments(context: ImageContext, lease: ActLease, image: ArchiveImage): Promise<void> {
  const others = image.variants.flatMap(({ rawConfig, manifest }) => [rawConfig, manifest.raw]);
  for (const raw of [image.rawConfig, image.manifest.raw, ...others, ...image.indexes]) {
    lease.blob(digestOf(raw));
    await context.content.put(raw);
  }
}

async function record(
  context: ImageContext,
  lease: ActLease,
  image: ArchiveImage,
  { progress }: LoadOptions,
): Promise<void> {
  const { imageId, diffIds, config } = image;
  const moved = image.references.flatMap((reference) => movedFrom(context, image, reference));
  const [reference, ...others] = image.references;
  const { manifest, target } = await chooseManifest(context, lease, image);
  await recordImage(context, lease, { imageId, manifest, target, diffIds, reference, withRepoDigest: false });
  context.metadata.transaction(() => {
    for (const other of others) putName(context, formatReference(other), { imageId, target });
    const forms = [image, ...image.variants].flatMap((one) => one.forms);
    for (const { layer, blob } of forms) {
      if (blob.compression === "none") continue;
      context.metadata.layers.putCompressed({ diffId: layer.diffId, compression: blob.compression, blob });
    }
  });
  for (const stream of [...moved, ...loaded(image)]) progress({ stream });
  imageEvent(context.events, "load", { actor: imageId, name: imageId, config });
}

/**
 * An image that is here keeps its manifest when the archive's only names plain tars, which any manifest of it can be
 * told from: the digest that a registry knows outlives save and load.
 */
async function chooseManifest(
  context: ImageContext,
  lease: ActLease,
  { imageId, forms, manifest, target, variants }: ArchiveImage,
): Promise<{ readonly manifest: Descriptor; readonly target: Descriptor }> {
  const own = { manifest: manifest.descriptor, target };
  const known = context.metadata.images.getContent(imageId)?.manifest;
  const isPlain = forms.every(({ blob }) => blob.compression === "none");
  if (known === undefined || !isPlain || variants.length > 0) return own;
  lease.blob(known.digest);
  return (await context.content.info(known.digest)) === undefined ? own : { manifest: known, target: known };
}

/** dockerd's words for a name that another image has. */
function movedFrom(context: ImageContext, { imageId }: ArchiveImage, reference: Reference): readonly string[] {
  const before = context.metadata.images.get(formatReference(reference))?.imageId;
  if (before === undefined || before === imageId) return [];
  const name = familiarReference(reference);
  return [`The image ${name} already exists, renaming the old one with ID ${before} to empty string\n`];
}

function loaded({ imageId, references }: ArchiveImage): readonly string[] {
  if (references.length === 0) return [`Loaded image ID: ${imageId}\n`];
  return references.map((reference) => `Loaded image: ${familiarReference(reference)}\n`);
}
