import type { BuiltPush } from "#images";
import type { ActLease } from "#metadata";
import { formatPlatform, MediaType } from "#oci";
import type { Descriptor, Digest } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import { inlineCache } from "../caches/exportCaches.ts";
import type { StepProgress } from "../graph/handler.ts";
import { attest } from "./attestations.ts";
import type { Attestation } from "./attestations.ts";
import { invalidAttribute } from "./attributes.ts";
import { document, layerType, writeIndex, writeManifest } from "./documents.ts";
import type { Document } from "./documents.ts";
import type { ExportJob } from "./exporter.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import { writeImageConfig } from "./imageConfig.ts";
import type { ImageOptions } from "./imageOptions.ts";
import type { ProvenanceWish } from "./provenance.ts";
import { rewriteTimestamps } from "./rewriteTimestamps.ts";
import { shown } from "./shown.ts";

/** One platform's image, its config and manifest in the content store. */
export interface WrittenImage {
  readonly target: BuiltTarget;
  readonly config: Document;
  readonly manifest: Document;
  /** Blobs, base first. */
  readonly layers: readonly Descriptor[];
}

/** All that became of a build: images, and what stands above them. */
export interface WrittenImages {
  readonly images: readonly WrittenImage[];
  /** The index above the images; undefined: one image, no index. */
  readonly index: Document | undefined;
  /** Names it all: of the index, or of the manifest. */
  readonly root: Descriptor;
  /** Manifests, then the index. */
  readonly documents: readonly Document[];
  /** Statements and their configs. */
  readonly attested: readonly Document[];
}

export interface Writing {
  readonly rooms: ExporterRooms;
  readonly job: ExportJob;
  readonly options: ImageOptions;
  readonly lease: ActLease;
  readonly progress: StepProgress;
  /** What is attested of the images; undefined: nothing. */
  readonly wish: ProvenanceWish | undefined;
  /** An exporter that has but one way. */
  readonly ociByDefault: boolean;
  /** In place of the images room's own, where layers are pushed while they are made. */
  readonly layerBlob?: BuiltPush["layerBlob"] | undefined;
}

/** Makes blobs, configs, manifests and, for several platforms, an index: as BuildKit's ImageWriter, byte for byte. */
export async function writeImages(asked: Writing): Promise<WrittenImages> {
  const writing = asked.options.rewriteTimestamp ? await withRewritten(asked) : asked;
  const { job, options, progress } = writing;
  const { targets } = job;
  const isIndexed = targets.length > 1 || job.request.options.multiPlatform || writing.wish !== undefined;
  checkAnnotations(options, targets, isIndexed);
  const isOci =
    options.ociTypes ??
    (writing.ociByDefault ||
      writing.wish !== undefined ||
      options.annotations.needsOci ||
      options.compression === "zstd");
  const layers = await shown(progress, "exporting layers", () => exportLayers(writing, isOci));
  const images: WrittenImage[] = [];
  for (const [position, target] of targets.entries())
    images.push(await writeImage(writing, { target, layers: layers[position] ?? [], isOci, isIndexed }));
  const documents = images.map(({ manifest }) => manifest);
  const [first] = images;
  if (!isIndexed && first !== undefined)
    return { images, index: undefined, root: describe(first, options), documents, attested: [] };
  const described = images.map((image) => ({ ...describe(image, options), platform: image.target.platform }));
  const attestations = await attestAll(writing, images);
  const entries = [...described, ...attestations.map(({ entry }) => entry)];
  const index = writeIndex(entries, options.annotations.index, isOci);
  await shown(progress, `exporting manifest list ${index.descriptor.digest}`, () => keep(writing, index));
  const root = { ...index.descriptor, annotations: options.annotations.indexDescriptor };
  const manifests = [...documents, ...attestations.map(({ manifest }) => manifest)];
  return {
    images,
    index,
    root,
    documents: [...manifests, index],
    attested: attestations.flatMap(({ parts }) => parts),
  };
}

async function withRewritten(writing: Writing): Promise<Writing> {
  const { job, options } = writing;
  const targets = await rewriteTimestamps({ ...writing, signal: job.request.signal }, job.targets, options.epoch);
  return { ...writing, job: { ...job, targets } };
}

async function attestAll(writing: Writing, images: readonly WrittenImage[]): Promise<readonly Attestation[]> {
  const { wish, job, options, progress } = writing;
  if (wish === undefined) return [];
  const all: Attestation[] = [];
  for (const image of images) {
    const made = attest(job, image, { wish, options });
    await shown(progress, `exporting attestation manifest ${made.manifest.descriptor.digest}`, async () => {
      for (const part of [...made.parts, made.manifest]) await keep(writing, part);
    });
    all.push(made);
  }
  return all;
}

function describe({ manifest, target }: WrittenImage, { annotations }: ImageOptions): Descriptor {
  return { ...manifest.descriptor, annotations: annotations.manifestDescriptor(target.platform) };
}

function checkAnnotations({ annotations }: ImageOptions, targets: readonly BuiltTarget[], isIndexed: boolean): void {
  const known = targets.map(({ platform }) => formatPlatform(platform));
  const unknown = annotations.platforms.find((platform) => !known.includes(platform));
  if (unknown !== undefined) throw invalidAttribute(`invalid annotation: no platform ${unknown} found in source`);
  if (!isIndexed && Object.keys(annotations.index).length + Object.keys(annotations.indexDescriptor).length > 0)
    throw invalidAttribute("index annotations not supported for single platform export");
}

async function exportLayers(writing: Writing, isOci: boolean): Promise<readonly (readonly Descriptor[])[]> {
  const { rooms, job, options, lease, layerBlob = rooms.images.layerBlob } = writing;
  const { compression, compressionLevel: level, forceCompression: force } = options;
  const wanted = { compression, level, force, lease, signal: job.request.signal };
  const done = new Map<string, Descriptor>();
  const all: Descriptor[][] = [];
  for (const { diffIds } of job.targets) {
    const own: Descriptor[] = [];
    for (const diffId of diffIds) {
      const known = done.get(diffId);
      const blob = known === undefined ? await layerBlob(diffId, wanted) : undefined;
      const made = blob && { mediaType: layerType(blob.compression, isOci), digest: blob.digest, size: blob.size };
      const descriptor = known ?? made;
      if (descriptor === undefined) continue;
      done.set(diffId, descriptor);
      own.push(descriptor);
    }
    all.push(own);
  }
  return all;
}

async function writeImage(
  writing: Writing,
  part: {
    readonly target: BuiltTarget;
    readonly layers: readonly Descriptor[];
    readonly isOci: boolean;
    readonly isIndexed: boolean;
  },
): Promise<WrittenImage> {
  const { options, progress } = writing;
  const { target, layers, isOci } = part;
  const { image: draft, diffIds, createdAt } = target;
  const raw = writeImageConfig({
    draft,
    diffIds,
    createdAt,
    epoch: options.epoch,
    inlineCache: inlineCache(writing.job, target),
  });
  const config = document(isOci ? MediaType.OCI_CONFIG : MediaType.DOCKER_CONFIG, raw);
  const annotations = options.annotations.manifest(part.isIndexed ? target.platform : undefined);
  const manifest = writeManifest({ config: config.descriptor, layers, annotations }, isOci);
  await shown(progress, `exporting manifest ${manifest.descriptor.digest}`, () => keep(writing, manifest));
  await shown(progress, `exporting config ${config.descriptor.digest}`, () => keep(writing, config));
  return { target, config, manifest, layers };
}

async function keep({ rooms, lease }: Writing, { raw, descriptor }: Document): Promise<void> {
  lease.blob(descriptor.digest);
  await rooms.content.put(raw, descriptor.digest);
}

/** Layers and configs of all images, each once. */
export function blobsOf({ images, attested }: WrittenImages): readonly Descriptor[] {
  const all = new Map<Digest, Descriptor>();
  for (const { layers, config } of images)
    for (const descriptor of [...layers, config.descriptor]) all.set(descriptor.digest, descriptor);
  for (const { descriptor } of attested) all.set(descriptor.digest, descriptor);
  return [...all.values()];
}
