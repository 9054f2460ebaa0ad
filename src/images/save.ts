import { EngineError, ErrorCode } from "#errors";
import { MediaType, familiarName, familiarReference, formatReference, hexOf, parseDigest } from "#oci";
import type { Digest, ImageConfig, Platform, Reference } from "#oci";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import { blobPath } from "./archiveContents.ts";
import { plainDescriptor, writePlainIndex, writePlainManifest } from "./archiveManifest.ts";
import type { PlainLayer, WrittenManifest } from "./archiveManifest.ts";
import { readConfig } from "./configs.ts";
import type { ImageContext } from "./context.ts";
import { noSuchImage } from "./imageErrors.ts";
import { imageEvent } from "./imageEvents.ts";
import { takeLease } from "#metadata";
import type { ImageContentRecord } from "#metadata";
import { resolveSaved } from "./saveNames.ts";
import type { SavedNames } from "./saveNames.ts";
import { imageForPlatform, noSuchPlatform, recordedVariants } from "./variants.ts";

interface SaveOptions {
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

/** All that is written of an image. */
interface SavedImage {
  readonly imageId: Digest;
  readonly config: ImageConfig;
  readonly rawConfig: Uint8Array;
  /** base first */
  readonly layers: readonly PlainLayer[];
  readonly manifest: WrittenManifest;
  readonly references: readonly Reference[];
  /** Of several platforms: the index over them, and the others' images. */
  readonly index: WrittenManifest | undefined;
  readonly others: readonly SavedImage[];
}

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;
const OCI_LAYOUT = '{"imageLayoutVersion": "1.0.0"}';

/** See `ImageTransfer.save`. */
export async function saveImages(
  context: ImageContext,
  names: readonly string[],
  options: SaveOptions = {},
): Promise<AsyncIterable<Uint8Array>> {
  const images: SavedImage[] = [];
  for (const { imageId, references } of resolveSaved(context, names)) {
    const record = await chosenOf(context, { imageId, references }, options.platform);
    const image = await readSaved(context, record, references);
    images.push(options.platform === undefined ? await withOthers(context, record, image) : image);
  }
  return writeArchive(context, images, options.signal);
}

/** The image, or the variant of it that serves the platform. */
async function chosenOf(
  context: ImageContext,
  { imageId, references }: SavedNames,
  platform: Platform | undefined,
): Promise<ImageContentRecord> {
  const record = context.metadata.images.getContent(imageId);
  if (record === undefined) throw noSuchImage(imageId);
  if (platform === undefined) return record;
  const [first] = references;
  const key = first === undefined ? {} : { key: formatReference(first) };
  const found = await imageForPlatform(context, record, { platform, ...key });
  if (found === undefined) throw noSuchPlatform(first === undefined ? imageId : familiarReference(first), platform);
  return found;
}

async function readSaved(
  context: ImageContext,
  record: ImageContentRecord,
  references: readonly Reference[],
): Promise<SavedImage> {
  const { imageId } = record;
  const { config, raw: rawConfig } = await readConfig(context.content, imageId);
  const layers = record.diffIds.map((diffId) => {
    const layer = context.layers.get(diffId);
    if (layer === undefined) throw lost(imageId, diffId);
    return layer;
  });
  const manifest = writePlainManifest({ digest: imageId, size: rawConfig.length }, layers);
  return { imageId, config, rawConfig, layers, manifest, references, index: undefined, others: [] };
}

/** With all platforms that its first name has here. */
async function withOthers(context: ImageContext, record: ImageContentRecord, image: SavedImage): Promise<SavedImage> {
  const [name] = image.references;
  const variants = name === undefined ? [] : await recordedVariants(context, record, formatReference(name));
  if (variants.length === 0) return image;
  const all = await Promise.all(
    variants.map(async ({ content, platform }) => {
      const saved = content.imageId === image.imageId ? image : await readSaved(context, content, []);
      return { saved, platform, descriptor: saved.manifest.descriptor };
    }),
  );
  const others = all.map(({ saved }) => saved).filter((saved) => saved !== image);
  return { ...image, index: writePlainIndex(all), others };
}

const flattened = (images: readonly SavedImage[]): readonly SavedImage[] =>
  images.flatMap((image) => [image, ...image.others]);

function lost(imageId: Digest, layer: string): EngineError {
  return new EngineError("data_loss", ErrorCode.LAYER_NOT_FOUND, `image ${imageId}: its layer ${layer} is gone`);
}

/** The lease begins with the first byte that is asked for: an archive that nobody reads keeps nothing alive. */
async function* writeArchive(
  context: ImageContext,
  images: readonly SavedImage[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  using lease = takeLease(context.metadata, "save");
  for (const { imageId, layers } of flattened(images)) {
    for (const { diffId } of layers) {
      lease.layer(diffId);
      if (context.layers.get(diffId) === undefined) throw lost(imageId, diffId);
    }
  }
  yield* writeTarStream(members(context, images, signal));
  for (const { imageId, config } of images)
    imageEvent(context.events, "save", { actor: imageId, name: imageId, config });
}

/** Names sorted, times 0: the same images give the same bytes. */
function* members(
  context: ImageContext,
  images: readonly SavedImage[],
  signal: AbortSignal | undefined,
): Generator<TarMemberSource, void, void> {
  const blobs = new Map<string, TarMemberSource>();
  for (const { imageId, rawConfig, layers, manifest, index } of flattened(images)) {
    addBlob(blobs, bytesAs(blobPath(imageId), rawConfig));
    for (const { descriptor, raw } of [manifest, ...(index === undefined ? [] : [index])])
      addBlob(blobs, bytesAs(blobPath(descriptor.digest), raw));
    for (const { diffId, tarBytes } of layers) {
      const header = fileHeader(blobPath(parseDigest(diffId)), tarBytes);
      addBlob(blobs, { header, body: context.layers.readTar(diffId, signal === undefined ? {} : { signal }) });
    }
  }
  const paths = [...blobs.keys()].sort();
  const folders = new Set(["blobs", ...paths.map((path) => path.slice(0, path.lastIndexOf("/")))]);
  for (const path of folders) yield { header: { path, type: "directory", mode: DIRECTORY_MODE } };
  for (const path of paths) yield blobs.get(path) ?? bytesAs(path, new Uint8Array());
  yield jsonAs("index.json", indexDocument(images));
  yield jsonAs("manifest.json", images.map(manifestEntry));
  yield bytesAs("oci-layout", Buffer.from(OCI_LAYOUT));
  const repositories = repositoriesDocument(images);
  if (Object.keys(repositories).length > 0) yield jsonAs("repositories", repositories);
}

function addBlob(blobs: Map<string, TarMemberSource>, member: TarMemberSource): void {
  if (!blobs.has(member.header.path)) blobs.set(member.header.path, member);
}

function fileHeader(path: string, size: number): TarMemberSource["header"] {
  return { path, type: "file", mode: FILE_MODE, size };
}

function bytesAs(path: string, bytes: Uint8Array): TarMemberSource {
  return { header: fileHeader(path, bytes.length), body: [bytes] };
}

function jsonAs(path: string, value: unknown): TarMemberSource {
  return bytesAs(path, Buffer.from(JSON.stringify(value)));
}

function indexDocument(images: readonly SavedImage[]): unknown {
  const manifests = images.flatMap(({ manifest, index, references }) => {
    const { descriptor } = index ?? manifest;
    if (references.length === 0) return [descriptor];
    return references.map((reference) => ({ ...descriptor, annotations: annotate(reference) }));
  });
  return { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests };
}

function annotate(reference: Reference): Readonly<Record<string, string>> {
  return {
    "io.containerd.image.name": formatReference(reference),
    "org.opencontainers.image.ref.name": reference.tag ?? "",
  };
}

function manifestEntry({ imageId, layers, references }: SavedImage): unknown {
  const sources = [...layers].sort((a, b) => (a.diffId < b.diffId ? -1 : 1));
  return {
    Config: blobPath(imageId),
    RepoTags: references.length === 0 ? null : references.map(familiarReference),
    Layers: layers.map(({ diffId }) => blobPath(parseDigest(diffId))),
    LayerSources: Object.fromEntries(sources.map((layer) => [layer.diffId, plainDescriptor(layer)])),
  };
}

/** The form before `manifest.json`: repository → tag → top layer. */
function repositoriesDocument(images: readonly SavedImage[]): Readonly<Record<string, Record<string, string>>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { layers, references } of images) {
    const top = layers.at(-1);
    if (top === undefined) continue;
    for (const reference of references) {
      const tags = (repositories[familiarName(reference)] ??= {});
      tags[reference.tag ?? ""] = hexOf(top.diffId);
    }
  }
  return repositories;
}
