import { EngineError, ErrorCode } from "#errors";
import type { ImageBuilding } from "#images";
import { takeLease } from "#metadata";
import type { Metadata } from "#metadata";
import {
  formatReference,
  hostPlatform,
  isDigest,
  MAX_CONFIG_BYTES,
  parseImageConfig,
  parseReference,
  selectManifest,
  withDefaultTag,
} from "#oci";
import type { Descriptor, ManifestDocument, OciIndex, OciManifest, Reference } from "#oci";
import type { RegistryClient, RepositoryReader } from "#remote";
import type { StepProgress } from "../graph/handler.ts";
import type { ImportedStep, ImportedSteps } from "../graph/importedSteps.ts";
import type { BuildRequest, CacheLocation } from "../request.ts";
import { shown } from "../exporters/shown.ts";
import { credentialsHost } from "../sources/baseOrigin.ts";
import { sessionRepository } from "../sources/sessionRepository.ts";
import { CACHE_CONFIG_TYPE, parseCacheConfig, parseInlineConfig } from "./cacheConfig.ts";
import type { CacheIndex, CacheLayer } from "./cacheConfig.ts";

export interface CacheRooms {
  readonly images: ImageBuilding;
  readonly remote: RegistryClient;
  readonly metadata: Metadata;
}

type Task = <T>(name: string, work: (progress: StepProgress) => Promise<T>) => Promise<T>;

interface OpenedCache {
  readonly repository: RepositoryReader;
  readonly origin: Reference | undefined;
  readonly index: CacheIndex;
}

/** Opens the caches of `--cache-from`, each shown as a step. One that cannot be read is passed over. */
export function importCaches(rooms: CacheRooms, request: BuildRequest, task: Task): ImportedSteps {
  // All are asked at once, when the first step wants to know.
  let opened: readonly Promise<OpenedCache | undefined>[] | undefined;
  const caches = (): readonly Promise<OpenedCache | undefined>[] =>
    (opened ??= request.cacheImports.map((location) => openCache(rooms, request, { location, task })));
  return {
    async bring(key, { lease, signal }) {
      for (const opening of caches()) {
        const cache = await opening;
        const entry = cache?.index.get(key);
        if (cache === undefined || entry === undefined) continue;
        lease.keepLayer(entry.layer.diffId);
        lease.keepBlob(entry.layer.descriptor.digest);
        const brought = await fetchEntry(rooms, cache, { layer: entry.layer, signal });
        if (brought) return { diffId: entry.layer.diffId, createdAt: entry.createdAt } satisfies ImportedStep;
      }
      return undefined;
    },
  };
}

async function fetchEntry(
  { images, metadata }: CacheRooms,
  { repository, origin }: OpenedCache,
  { layer, signal }: { readonly layer: CacheLayer; readonly signal: AbortSignal },
): Promise<boolean> {
  using lease = takeLease(metadata, "import cache");
  try {
    const request = { repository, origin, platform: hostPlatform(), lease, signal };
    await images.fetchBase({ layers: [layer] }, { ...request, progress: () => undefined });
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false; // the step is done here instead
  }
}

async function openCache(
  rooms: CacheRooms,
  request: BuildRequest,
  { location, task }: { readonly location: CacheLocation; readonly task: Task },
): Promise<OpenedCache | undefined> {
  const { type, attributes } = location;
  const name = type === "registry" ? (attributes["ref"] ?? "") : `local:${attributes["digest"] ?? ""}`;
  try {
    return await task(`importing cache manifest from ${name}`, async (progress) => {
      const { document, ...from } = await (type === "local" ? openLocal : openRegistry)(rooms, request, location);
      const index = await shown(progress, "inferring cache manifest type", () => readIndex(from.repository, document));
      return { ...from, index };
    });
  } catch {
    return undefined; // told at its step; a build without its cache is slower, not wrong
  }
}

interface FoundCache {
  readonly repository: RepositoryReader;
  readonly origin: Reference | undefined;
  readonly document: ManifestDocument;
}

async function openLocal(
  _rooms: CacheRooms,
  { session }: BuildRequest,
  { attributes }: CacheLocation,
): Promise<FoundCache> {
  const { src = "", digest = "" } = attributes;
  if (!isDigest(digest))
    throw refused('local cache importer requires either explicit digest, "latest" tag or custom tag on index.json');
  const repository = sessionRepository(await session.contentStore(`local:${src}`));
  const reference: Reference = { domain: "local", path: "cache", digest };
  return { repository, origin: undefined, document: await repository.resolve(reference) };
}

async function openRegistry(
  { remote }: CacheRooms,
  { session, signal }: BuildRequest,
  { type, attributes }: CacheLocation,
): Promise<FoundCache> {
  if (type !== "registry") throw refused(`unknown cache importer: ${type}`);
  const reference = withDefaultTag(parseReference(attributes["ref"] ?? ""));
  const credentials = await session.credentials(credentialsHost(reference.domain));
  const repository = remote.repository(reference, credentials === undefined ? {} : { credentials });
  const document = await repository.resolve(reference, { signal }).catch((cause: unknown) => {
    throw new EngineError(
      "not_found",
      ErrorCode.MANIFEST_UNKNOWN,
      `failed to configure registry cache importer: ${formatReference(reference)}: not found`,
      { cause },
    );
  });
  return { repository, origin: reference, document };
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

async function readIndex(repository: RepositoryReader, document: ManifestDocument): Promise<CacheIndex> {
  if (document.kind === "manifest") return await readManifest(repository, document.value);
  const config = document.value.manifests.find(({ mediaType }) => mediaType === CACHE_CONFIG_TYPE);
  if (config !== undefined) return parseCacheConfig(await readConfig(repository, config));
  return await readImageIndex(repository, document.value);
}

/** An image for several platforms: each may have a cache within. */
async function readImageIndex(repository: RepositoryReader, index: OciIndex): Promise<CacheIndex> {
  const chosen = selectManifest(index, hostPlatform());
  const document = chosen && (await repository.fetchManifest(chosen));
  return document?.kind === "manifest" ? await readManifest(repository, document.value) : new Map();
}

async function readManifest(repository: RepositoryReader, manifest: OciManifest): Promise<CacheIndex> {
  const raw = await readConfig(repository, manifest.config);
  if (manifest.config.mediaType === CACHE_CONFIG_TYPE) return parseCacheConfig(raw);
  return readInline(raw, manifest);
}

function readConfig(repository: RepositoryReader, descriptor: Descriptor): Promise<Uint8Array> {
  return repository.readBlob(descriptor, { maxBytes: MAX_CONFIG_BYTES });
}

/** `moby.buildkit.cache.v0` of an image's config counts the image's layers: the manifest says where they are. */
function readInline(raw: Uint8Array, { layers }: OciManifest): CacheIndex {
  const { rootfs } = parseImageConfig(raw);
  const value: unknown = Reflect.get(parseImageConfig(raw), "moby.buildkit.cache.v0");
  if (typeof value !== "string") return new Map();
  const stored = rootfs.diff_ids.map((diffId, position): CacheLayer | undefined => {
    const descriptor = layers[position];
    return descriptor && { diffId, descriptor };
  });
  return parseInlineConfig(Buffer.from(value, "base64"), stored);
}
