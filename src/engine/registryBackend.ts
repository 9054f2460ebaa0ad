import { parseReference, parseImageConfig, withDefaultTag, familiarName, familiarReference } from "#oci";
import type { Descriptor, ManifestDocument, OciManifest, Platform } from "#oci";
import type { RegistryClient, RegistryCredentials, RepositoryReader } from "#remote";

/** One document of a remote image, for `manifest inspect`. */
export interface RemoteManifest {
  readonly Ref: string;
  readonly Descriptor: Readonly<Record<string, unknown>>;
  /** base64 of the bytes */
  readonly Raw: string;
}

/** What the API asks of registries beyond pull and push. */
export interface RegistryBackend {
  login(serverAddress: string, credentials: RegistryCredentials): Promise<{ readonly identityToken: string }>;
  distribution(name: string, credentials: RegistryCredentials | undefined): Promise<Readonly<Record<string, unknown>>>;
  manifests(name: string, credentials: RegistryCredentials | undefined): Promise<readonly RemoteManifest[]>;
}

/** Children of an index that `manifest inspect` fetches at most. */
const MAX_CHILDREN = 256;

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

function describe(document: ManifestDocument, platform: Platform | undefined): Readonly<Record<string, unknown>> {
  return {
    mediaType: document.mediaType,
    digest: document.digest,
    size: document.raw.byteLength,
    ...(platform === undefined ? {} : { platform }),
  };
}

async function children(
  repository: RepositoryReader,
  document: ManifestDocument,
): Promise<readonly { readonly child: ManifestDocument; readonly descriptor: Descriptor }[]> {
  if (document.kind === "manifest") return [];
  const wanted = document.value.manifests.slice(0, MAX_CHILDREN);
  return Promise.all(
    wanted.map(async (descriptor) => ({ child: await repository.fetchManifest(descriptor), descriptor })),
  );
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
      return { Descriptor: describe(document, undefined), Platforms: await platformsOf(repository, document) };
    },
    manifests: async (name, credentials) => {
      const { reference, repository } = open(name, credentials);
      const document = await repository.resolve(reference);
      const own: RemoteManifest = {
        Ref: familiarReference(reference),
        Descriptor: describe(
          document,
          document.kind === "manifest" ? await platformOfManifest(repository, document.value) : undefined,
        ),
        Raw: Buffer.from(document.raw).toString("base64"),
      };
      const rest = await children(repository, document);
      const parent = reference.digest === undefined ? familiarReference(reference) : familiarName(reference);
      return [
        own,
        ...rest.map(({ child, descriptor }) => ({
          Ref: `${parent}@${child.digest}`,
          Descriptor: { ...descriptor },
          Raw: Buffer.from(child.raw).toString("base64"),
        })),
      ];
    },
  };
}
