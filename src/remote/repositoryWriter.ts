import { EngineError, ErrorCode, findEngineError } from "#errors";
import { digestOf, isDigest } from "#oci";
import type { Descriptor, Digest } from "#oci";
import { descriptorOf, MANIFEST_ACCEPT, readManifest } from "./readManifest.ts";
import type { RepositoryWriter, RequestOptions, UploadBlob } from "./registryClient.ts";
import { repositoryScope } from "./scope.ts";
import type { Session } from "./session.ts";
import { once } from "./tokens.ts";
import { headerOf } from "./transport.ts";
import { uploadOnce } from "./upload.ts";

/** Writing a repository; always at the registry itself, never at a mirror. */
export class PushingRepository implements RepositoryWriter {
  readonly #path: string;
  readonly #session: Session;

  constructor(path: string, session: Session) {
    this.#path = path;
    this.#session = session;
  }

  async hasBlob(digest: Digest, options: RequestOptions = {}): Promise<boolean> {
    const response = await this.#session.request({
      method: "HEAD",
      target: `/v2/${this.#path}/blobs/${digest}`,
      signal: options.signal,
      accept: [404],
    });
    response.discard();
    return response.status !== 404;
  }

  async mountBlob(digest: Digest, fromPath: string, options: RequestOptions = {}): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from: fromPath });
    try {
      const response = await this.#session.request({
        method: "POST",
        target: `/v2/${this.#path}/blobs/uploads/?${query.toString()}`,
        scopes: [repositoryScope(fromPath, "pull")],
        signal: options.signal,
      });
      response.discard();
      return response.status === 201;
    } catch (error) {
      const category = findEngineError(error)?.category;
      if (category === undefined || category === "cancelled" || category === "unavailable") throw error;
      return false; // a registry that does not let us mount still takes the bytes
    }
  }

  async uploadBlob(blob: UploadBlob, options: RequestOptions = {}): Promise<void> {
    const target = { session: this.#session, path: this.#path, signal: options.signal };
    await this.#session.retrying(() => uploadOnce(target, blob), options.signal);
  }

  async headManifest(tagOrDigest: string, options: RequestOptions = {}): Promise<Descriptor | undefined> {
    const response = await this.#session.request({
      method: "HEAD",
      target: `/v2/${this.#path}/manifests/${tagOrDigest}`,
      headers: { Accept: MANIFEST_ACCEPT },
      signal: options.signal,
      accept: [404],
    });
    response.discard();
    if (response.status === 404) return undefined;
    const told = descriptorOf(response.headers);
    if (told !== undefined) return told;
    const document = await readManifest(this.#session, { path: this.#path, tagOrDigest, signal: options.signal });
    return { mediaType: document.mediaType, digest: document.digest, size: document.raw.length };
  }

  async putManifest(
    tagOrDigest: string,
    document: { readonly raw: Uint8Array; readonly mediaType: string },
    options: RequestOptions = {},
  ): Promise<Digest> {
    const { raw, mediaType } = document;
    const response = await this.#session.request({
      method: "PUT",
      target: `/v2/${this.#path}/manifests/${tagOrDigest}`,
      headers: { "Content-Type": mediaType },
      body: () => ({ chunks: once(raw), size: raw.length }),
      signal: options.signal,
    });
    response.discard();
    return acknowledged(headerOf(response.headers, "docker-content-digest"), digestOf(raw));
  }
}

function acknowledged(told: string | undefined, digest: Digest): Digest {
  if (told === undefined || told === digest || (isDigest(told) && !told.startsWith("sha256:"))) return digest;
  throw new EngineError(
    "data_loss",
    ErrorCode.DIGEST_MISMATCH,
    `manifest ${digest}: the registry stored it as ${JSON.stringify(told.slice(0, 140))}`,
    { details: { expected: digest, actual: told } },
  );
}
