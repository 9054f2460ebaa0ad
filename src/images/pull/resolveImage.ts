import { EngineError, ErrorCode } from "#errors";
import {
  compressionOf,
  formatPlatform,
  hostPlatform,
  MAX_CONFIG_BYTES,
  MediaType,
  parseImageConfig,
  selectManifest,
} from "#oci";
import type { Descriptor, DiffId, ImageConfig, ManifestDocument, OciManifest, Platform, Reference } from "#oci";
import type { RepositoryReader } from "#remote";
import type { ImageContext } from "../context.ts";
import type { ActLease } from "#metadata";

/** What a reference means for one platform; all of its documents are in the content store. */
export interface ResolvedImage {
  /** What the reference names: manifest or index. */
  readonly target: Descriptor;
  readonly manifest: Descriptor;
  readonly config: ImageConfig;
  /** The config's descriptor; its digest is the image ID. */
  readonly configDescriptor: Descriptor;
  /** base first */
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: DiffId }[];
}

export interface Resolving {
  readonly context: ImageContext;
  readonly lease: ActLease;
  readonly repository: RepositoryReader;
  readonly platform: Platform | undefined;
  readonly signal: AbortSignal | undefined;
}

type ManifestOfImage = Extract<ManifestDocument, { readonly kind: "manifest" }>;

/** An index within an index within … */
const MAX_INDEX_DEPTH = 4;
/** Besides the two of the specs: what registries of old called an image config (moby distribution/registry.go). */
const CONFIG_TYPES: ReadonlySet<string> = new Set([
  MediaType.OCI_CONFIG,
  MediaType.DOCKER_CONFIG,
  "application/octet-stream",
  "application/json",
  "text/html",
  "",
]);

/** The manifest or index that the reference names; nothing is stored. */
export async function resolveTarget(resolving: Resolving, reference: Reference): Promise<ManifestDocument> {
  return await resolving.repository.resolve(reference, requestOf(resolving));
}

/** Follows the target down to the config of one platform and stores every document on the way, byte for byte. */
export async function resolveImage(resolving: Resolving, target: ManifestDocument): Promise<ResolvedImage> {
  const document = await chooseManifest(resolving, target);
  const { config: configDescriptor, layers } = document.value;
  checkMediaTypes(document.value);
  const raw = await readConfig(resolving, configDescriptor);
  const config = parseImageConfig(raw);
  return {
    target: descriptorOf(target),
    manifest: descriptorOf(document),
    config,
    configDescriptor,
    layers: pairLayers(layers, config.rootfs.diff_ids),
  };
}

/** Each layer of a manifest with its diffID of the config. @throws {invalid_argument} when they are not as many */
export function pairLayers(layers: readonly Descriptor[], diffIds: readonly DiffId[]): ResolvedImage["layers"] {
  if (diffIds.length !== layers.length) {
    const message = "layers from manifest don't match image configuration";
    throw new EngineError("invalid_argument", ErrorCode.INVALID_IMAGE_CONFIG, message);
  }
  return layers.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ descriptor, diffId }];
  });
}

function descriptorOf({ mediaType, digest, raw }: ManifestDocument): Descriptor {
  return { mediaType, digest, size: raw.byteLength };
}

function requestOf({ signal }: Resolving): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function chooseManifest(resolving: Resolving, target: ManifestDocument): Promise<ManifestOfImage> {
  let document = target;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth += 1) {
    await store(resolving, document);
    if (document.kind === "manifest") return document;
    const platform = resolving.platform ?? hostPlatform();
    const chosen = selectManifest(document.value, platform);
    if (chosen === undefined) throw noMatch(platform);
    document = await resolving.repository.fetchManifest(chosen, requestOf(resolving));
  }
  const message = `invalid index: more than ${MAX_INDEX_DEPTH} indexes stand one above the other`;
  throw new EngineError("invalid_argument", ErrorCode.INVALID_MANIFEST, message);
}

function noMatch(platform: Platform): EngineError {
  const message = `no matching manifest for ${formatPlatform(platform)} in the manifest list entries`;
  return new EngineError("not_found", ErrorCode.NO_MATCHING_PLATFORM, message);
}

async function store({ context, lease }: Resolving, { raw, digest }: ManifestDocument): Promise<void> {
  lease.blob(digest);
  await context.content.put(raw, digest);
}

/** Artifacts look like images but for their media types. */
function checkMediaTypes({ config, layers }: OciManifest): void {
  if (!CONFIG_TYPES.has(config.mediaType)) {
    const kind = config.mediaType.includes("plugin") ? "plugin" : "unknown";
    throw unsupported(`Encountered remote ${JSON.stringify(config.mediaType)}(${kind}) when fetching`);
  }
  const foreign = layers.find((layer) => compressionOf(layer.mediaType) === undefined);
  if (foreign !== undefined) throw unsupported(`unsupported media type ${foreign.mediaType}`);
}

function unsupported(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.UNSUPPORTED_MEDIA_TYPE, message);
}

async function readConfig(resolving: Resolving, descriptor: Descriptor): Promise<Uint8Array> {
  const { context, lease, repository } = resolving;
  lease.blob(descriptor.digest);
  if ((await context.content.info(descriptor.digest)) !== undefined)
    return await context.content.read(descriptor.digest, MAX_CONFIG_BYTES);
  const raw = await repository.readBlob(descriptor, { ...requestOf(resolving), maxBytes: MAX_CONFIG_BYTES });
  await context.content.put(raw, descriptor.digest);
  return raw;
}
