import { EngineError, ErrorCode, findEngineError } from "#errors";
import { MAX_CONFIG_BYTES, parseImageConfig, withDefaultTag } from "#oci";
import type { Descriptor, ManifestDocument, OciManifest, Reference } from "#oci";
import { createRegistryClient } from "#remote";
import type { RegistryCredentials, RegistryOptions, RepositoryReader, RepositoryWriter } from "#remote";
import { checkPlatform, chooseByPlatform } from "./chooseImage.ts";
import type { Choice } from "./chooseImage.ts";
import type { LayerBytes } from "./layerBytes.ts";
import type { FoundImage } from "./openedImage.ts";

const MAX_DEPTH = 4;
/** Times that a download is taken up again without a byte in between. */
const MAX_CUTS = 5;
const USER_AGENT = "varve/1";

/** How registries are reached and who asks. */
export interface RegistryAccess {
  readonly registries?: Partial<RegistryOptions>;
  /** Called once; undefined: anonymously. */
  readonly credentials?: (reference: Reference) => Promise<RegistryCredentials | undefined>;
  readonly signal?: AbortSignal;
}

/**
 * An image of a registry by manifest and config; of its layers nothing is fetched. `stack` closes the connections.
 * @throws as `RepositoryReader.resolve`; {not_found} NO_MATCHING_PLATFORM; {invalid_argument} when it is no image
 */
export async function findInRegistry(
  reference: Reference,
  choice: Choice,
  access: RegistryAccess & { readonly stack: AsyncDisposableStack },
): Promise<FoundImage> {
  const repository = await openRepository(reference, access, "pull");
  const options = access.signal === undefined ? {} : { signal: access.signal };
  const { manifest, document } = await descend(
    repository,
    await repository.resolve(withDefaultTag(reference), options),
    choice,
  );
  const rawConfig = await repository.readBlob(manifest.config, { ...options, maxBytes: MAX_CONFIG_BYTES });
  checkPlatform(parseImageConfig(rawConfig), choice);
  return {
    name: choice.from,
    rawConfig,
    manifestDigest: document.digest,
    layers: manifest.layers.map((layer) => layerOf(repository, layer)),
  };
}

/** A repository with the credentials that there are for it. */
export async function openRepository(
  reference: Reference,
  access: RegistryAccess & { readonly stack: AsyncDisposableStack },
  scope: "pull" | "push",
): Promise<RepositoryReader & RepositoryWriter> {
  const client = access.stack.use(
    createRegistryClient({
      insecureRegistries: [],
      registryMirrors: [],
      mirrorsByHost: {},
      userAgent: USER_AGENT,
      ...access.registries,
    }),
  );
  const credentials = await access.credentials?.(reference);
  return client.repository(reference, { scope, ...(credentials === undefined ? {} : { credentials }) });
}

async function descend(
  repository: RepositoryReader,
  resolved: ManifestDocument,
  choice: Choice,
): Promise<{ readonly manifest: OciManifest; readonly document: ManifestDocument }> {
  let document = resolved;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    if (document.kind === "manifest") return { manifest: document.value, document };
    document = await repository.fetchManifest(chooseByPlatform(document.value.manifests, choice));
  }
  throw new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_MANIFEST,
    `indexes are nested more than ${MAX_DEPTH} deep`,
  );
}

function layerOf(repository: RepositoryReader, descriptor: Descriptor): LayerBytes {
  return {
    descriptor,
    span: undefined,
    open: (signal) => download(repository, descriptor, 0, signal),
    openAt: (offset, signal) => download(repository, descriptor, offset, signal),
  };
}

/** The bytes of a blob from an offset on; a connection that is cut is taken up where it ended. */
async function* download(
  repository: RepositoryReader,
  descriptor: Descriptor,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  let position = from;
  for (let cuts = 0; position < descriptor.size || cuts === 0; cuts += 1) {
    try {
      await using stream = await repository.openBlob(descriptor, {
        offset: position,
        ...(signal === undefined ? {} : { signal }),
      });
      let at = stream.offset;
      for await (const chunk of stream.body) {
        const part = chunk.subarray(Math.max(0, position - at));
        at += chunk.length;
        if (part.length === 0) continue;
        position += part.length;
        cuts = 0;
        yield part;
      }
    } catch (error) {
      if (findEngineError(error)?.details?.["retryable"] !== true || cuts >= MAX_CUTS) throw error;
    }
  }
}
