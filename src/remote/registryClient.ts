import type { Descriptor, Digest, ManifestDocument, Reference } from "#oci";

/** What `docker login` stores and `X-Registry-Auth` carries (spec docker-engine-api v1.56, AuthConfig). */
export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  /** OAuth2 refresh token; used instead of the password. */
  readonly identityToken?: string;
  /** Bearer token used as it is. */
  readonly registryToken?: string;
  /** Who has them, and is asked when a registry wants them; the other fields are absent then. */
  readonly holder?: CredentialsHolder;
}

/** Somebody else's credentials: a build's client gets tokens by them itself. */
export interface CredentialsHolder {
  /** Tells holders apart: tokens are kept by it. */
  readonly id: string;
  /** @throws what the holder says of the token server */
  token(wanted: WantedToken): Promise<{ readonly bearer: string; readonly expiresInS: number }>;
  /** For a registry that takes no tokens; undefined: none. */
  password(): Promise<Pick<RegistryCredentials, "username" | "password"> | undefined>;
}

/** Parts of a registry's challenge. */
export interface WantedToken {
  readonly realm: string;
  readonly service: string;
  readonly scopes: readonly string[];
}

/** How to reach registries; keys of Docker's daemon.json, plus mirrors per host. */
export interface RegistryOptions {
  /** Hosts and CIDRs that may be spoken to over plain HTTP or with an unverified certificate. Loopback always may. */
  readonly insecureRegistries: readonly string[];
  /** Mirrors for Docker Hub (`https://mirror.example`), tried first, in order. */
  readonly registryMirrors: readonly string[];
  /** Mirrors per host: `{ "ghcr.io": ["https://mirror.example"] }`. */
  readonly mirrorsByHost: Readonly<Record<string, readonly string[]>>;
  readonly userAgent: string;
  /** Folder of `<host>/{ca.crt,client.cert,client.key}`; default `/etc/docker/certs.d`. */
  readonly certsDirectory?: string;
}

/** Bytes of a blob from some offset. The caller verifies the digest; sizes are held to the descriptor's here. */
export interface BlobStream extends AsyncDisposable {
  /** Where the server really started (0 when it ignored the range). */
  readonly offset: number;
  /** Whole size of the blob if the server told. */
  readonly size: number | undefined;
  /**
   * Chunks of up to 512 KiB in memory that is used again: each is valid until the next is asked for. To be read once.
   * @throws {unavailable} when the connection is cut (go on with a new `openBlob` from the bytes that came), {data_loss}
   * SIZE_MISMATCH at the first byte too many.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Reading one repository of one registry. Every method retries transient failures with back-off and honours `signal`. */
export interface RepositoryReader {
  /** Tag or digest → descriptor and bytes of manifest or index; digests verified. @throws {not_found}, {unauthenticated}, {permission_denied}, {unavailable}. */
  resolve(reference: Reference, options?: RequestOptions): Promise<ManifestDocument>;
  /** @throws as {@link resolve} */
  fetchManifest(descriptor: Descriptor, options?: RequestOptions): Promise<ManifestDocument>;
  /** Starts at `offset` by HTTP range; the caller resumes with a new call after a cut. Falls back to `descriptor.urls`. */
  openBlob(descriptor: Descriptor, options?: RequestOptions & { readonly offset?: number }): Promise<BlobStream>;
  /** Small blobs (configs), verified. @throws {data_loss} on a mismatch, {resource_exhausted} over maxBytes (default 8 MiB). */
  readBlob(descriptor: Descriptor, options?: RequestOptions & { readonly maxBytes?: number }): Promise<Uint8Array>;
  /** All tags, paginated by Link. */
  listTags(options?: RequestOptions): Promise<readonly string[]>;
}

/** Writing one repository. */
export interface RepositoryWriter {
  hasBlob(digest: Digest, options?: RequestOptions): Promise<boolean>;
  /** Cross-repository mount; false when the registry did not mount. */
  mountBlob(digest: Digest, fromPath: string, options?: RequestOptions): Promise<boolean>;
  /**
   * One PUT of a whole blob. One that is still being made goes as one PATCH without a length, as Docker pushes; what is cut
   * goes on in chunks where the registry has got to, and a registry that wants a length gets chunks at once.
   */
  uploadBlob(blob: UploadBlob, options?: RequestOptions): Promise<void>;
  /** undefined when the tag or digest is not there. */
  headManifest(tagOrDigest: string, options?: RequestOptions): Promise<Descriptor | undefined>;
  putManifest(
    tagOrDigest: string,
    document: { readonly raw: Uint8Array; readonly mediaType: string },
    options?: RequestOptions,
  ): Promise<Digest>;
}

export type UploadBlob = WholeBlob | GrowingBlob;

interface UploadSource {
  /** The bytes from there on. Called again for a retry. Chunks must stay as they are until the next but one is asked for. */
  open(offset: number): AsyncIterable<Uint8Array>;
  /** Bytes sent so far. */
  onProgress?(sent: number): void;
}

export interface WholeBlob extends UploadSource {
  readonly digest: Digest;
  readonly size: number;
}

/** A blob that is made while it is sent: its source ends when it is whole. */
export interface GrowingBlob extends UploadSource {
  /** Asked for when all bytes are sent. */
  readonly digest: () => Digest | Promise<Digest>;
  readonly size: undefined;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
}

export interface RepositoryOptions {
  readonly credentials?: RegistryCredentials;
  /** Decides what token is asked for; default pull. */
  readonly scope?: "pull" | "push";
  /** The repository's own host may be spoken to as one of `insecureRegistries`. */
  readonly insecure?: boolean;
}

export interface RegistryClient extends AsyncDisposable {
  repository(reference: Reference, options?: RepositoryOptions): RepositoryReader & RepositoryWriter;
  /** `docker login`: asks the registry whether the credentials work. Resolves with an identity token if it gave one. @throws {unauthenticated} with the registry's words. */
  login(
    serverAddress: string,
    credentials: RegistryCredentials,
    options?: RequestOptions,
  ): Promise<{ readonly identityToken?: string }>;
}
