import { EngineError, ErrorCode } from "#errors";
import type { IngestedLayer, LayerInfo } from "#layers";
import { digestOf, isAttestation, isManifestMediaType, parseDigest, parseImageConfig, parseManifest } from "#oci";
import type { Descriptor, DiffId, Digest, ImageConfig, OciManifest, Reference } from "#oci";
import { blobPath } from "./archiveContents.ts";
import type { ArchiveContents } from "./archiveContents.ts";
import { writePlainManifest } from "./archiveManifest.ts";
import type { WrittenManifest } from "./archiveManifest.ts";
import type { ImageContext } from "./context.ts";
import { invalidArchive } from "./imageErrors.ts";
import type { ActLease } from "#metadata";

/** An image of an archive: all of it read, its layers in the store, nothing recorded yet. */
export interface ArchiveImage {
  readonly imageId: Digest;
  readonly rawConfig: Uint8Array;
  readonly config: ImageConfig;
  readonly diffIds: readonly DiffId[];
  readonly manifest: WrittenManifest;
  /** What a name of the image names: the manifest, or the index above it. */
  readonly target: Descriptor;
  /** Documents to be stored beside config and manifest. */
  readonly indexes: readonly Uint8Array[];
  /** Images of other platforms under the same index, as far as the archive has them whole. */
  readonly variants: readonly ArchiveImage[];
  /** Compressed forms that the manifest names. */
  readonly forms: readonly IngestedLayer[];
  readonly references: readonly Reference[];
}

/** Where images of an archive are put together. */
export interface Assembly {
  readonly context: ImageContext;
  readonly lease: ActLease;
  readonly contents: ArchiveContents;
}

/** @throws {invalid_argument} when it is none, or for another system */
function readArchiveConfig(raw: Uint8Array): ImageConfig {
  const config = parseImageConfig(raw);
  if (config.os !== "linux") {
    throw new EngineError("invalid_argument", ErrorCode.INVALID_ARCHIVE, `cannot load ${config.os} image on linux`);
  }
  return config;
}

/** An image by its `manifest.json` entry's members; it gets a manifest of ours. */
export function assembleDocker(assembly: Assembly, configName: string, layerNames: readonly string[]): ArchiveImage {
  const rawConfig = assembly.contents.document(configName);
  const config = readArchiveConfig(rawConfig);
  const layers = matchLayers(assembly, config, layerNames).map(({ layer }) => layer);
  const imageId = digestOf(rawConfig);
  const manifest = writePlainManifest({ digest: imageId, size: rawConfig.length }, layers);
  return {
    imageId,
    rawConfig,
    config,
    diffIds: config.rootfs.diff_ids,
    manifest,
    target: manifest.descriptor,
    indexes: [],
    variants: [],
    forms: [],
    references: [],
  };
}

/** An image by an OCI manifest that the archive brought, which is kept as it is. */
export function assembleOci(assembly: Assembly, written: WrittenManifest, manifest: OciManifest): ArchiveImage {
  const rawConfig = assembly.contents.document(blobPath(manifest.config.digest));
  const config = readArchiveConfig(rawConfig);
  const forms = matchLayers(
    assembly,
    config,
    manifest.layers.map(({ digest }) => blobPath(digest)),
  );
  for (const [index, form] of forms.entries()) checkForm(form, manifest.layers[index]);
  return {
    imageId: digestOf(rawConfig),
    rawConfig,
    config,
    diffIds: config.rootfs.diff_ids,
    manifest: written,
    target: written.descriptor,
    indexes: [],
    variants: [],
    forms,
    references: [],
  };
}

/** What stands beside an image in its index; undefined unless all of it is in the archive. */
export function assembleVariant(assembly: Assembly, descriptor: Descriptor): ArchiveImage | undefined {
  const { contents } = assembly;
  const path = blobPath(descriptor.digest);
  if (isAttestation(descriptor) || !isManifestMediaType(descriptor.mediaType) || !contents.has(path)) return undefined;
  const document = parseManifest(contents.document(path), descriptor.mediaType);
  if (document.kind !== "manifest" || !contents.has(blobPath(document.value.config.digest))) return undefined;
  const config = parseImageConfig(contents.document(blobPath(document.value.config.digest)));
  const isWhole = document.value.layers.every(({ digest }) => contents.layer(blobPath(digest)) !== undefined);
  if (!isWhole || config.os !== "linux") return undefined;
  const { mediaType, digest, raw } = document;
  return assembleOci(assembly, { raw, descriptor: { mediaType, digest, size: raw.length } }, document.value);
}

/** Layers by member, each checked against the config; one that the archive left out may be here from before. */
function matchLayers(assembly: Assembly, config: ImageConfig, names: readonly string[]): readonly IngestedLayer[] {
  const { diff_ids: diffIds } = config.rootfs;
  if (names.length !== diffIds.length) {
    throw invalidArchive(`layers length mismatch: expected ${diffIds.length}, got ${names.length}`);
  }
  return diffIds.map((diffId, index) => {
    const name = names[index] ?? "";
    const found = assembly.contents.layer(name) ?? fromStore(assembly, diffId);
    if (found === undefined) throw invalidArchive(`layer ${JSON.stringify(name)} is missing`);
    if (found.layer.diffId === diffId) return found;
    const message = `invalid diffID for layer ${index}: expected "${diffId}", got "${found.layer.diffId}"`;
    throw new EngineError("data_loss", ErrorCode.DIGEST_MISMATCH, message);
  });
}

function fromStore({ context, lease }: Assembly, diffId: DiffId): IngestedLayer | undefined {
  lease.layer(diffId);
  const layer: LayerInfo | undefined = context.layers.get(diffId);
  if (layer === undefined) return undefined;
  return { layer, blob: { digest: parseDigest(diffId), size: layer.tarBytes, compression: "none" } };
}

function checkForm({ blob }: IngestedLayer, named: Descriptor | undefined): void {
  if (named === undefined || blob.digest === named.digest) return;
  throw invalidArchive(`the blob of layer ${named.digest} is missing`);
}
