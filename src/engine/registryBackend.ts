import { parseReference, parseImageConfig, withDefaultTag } from "#oci";
import type { ManifestDocument, OciManifest, Platform } from "#oci";
import type { RegistryClient, RegistryCredentials, RepositoryReader } from "#remote";

/** What the API asks of registries beyond pull and push. */
export interface RegistryBackend {
  /** Resolves with Docker's answer to `POST /auth`. */
  login(serverAddress: string, credentials: RegistryCredentials): Promise<{ readonly identityToken: string }>;
  /** `GET /distribution/{name}/json`. */
  distribution(name: string, credentials: RegistryCredentials | undefined): Promise<Readonly<Record<string, unknown>>>;
}

async function platformOfManifest(repository: RepositoryReader, manifest: OciManifest): Promise<Platform> {
  const config = parseImageConfig(await repository.readBlob(manifest.config));
  return {
    architecture: config.architecture,
    os: config.os,
    ...(config.variant === undefined ? {} : { variant: config.variant }),
  };
}

async function platformsOf(repository: RepositoryReader, document: ManifestDocument): Promise<readonly Platform[]> {
  if (document.kind === "manifest") return [await platformOfManifest(repository, document.value)];
  return document.value.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
}

function describe(document: ManifestDocument): Readonly<Record<string, unknown>> {
  return { mediaType: document.mediaType, digest: document.digest, size: document.raw.byteLength };
}

export function createRegistryBackend(client: RegistryClient): RegistryBackend {
  const open = (
    name: string,
    credentials: RegistryCredentials | undefined,
  ): { reference: ReturnType<typeof withDefaultTag>; repository: RepositoryReader } => {
    const reference = withDefaultTag(parseReference(name));
    return { reference, repository: client.repository(reference, credentials === undefined ? {} : { credentials }) };
  };
  return {
    login: async (serverAddress, credentials) => ({
      identityToken: (await client.login(serverAddress, credentials)).identityToken ?? "",
    }),
    distribution: async (name, credentials) => {
      const { reference, repository } = open(name, credentials);
      const document = await repository.resolve(reference);
      return { Descriptor: describe(document), Platforms: await platformsOf(repository, document) };
    },
  };
}
