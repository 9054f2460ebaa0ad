import { EngineError, ErrorCode, findEngineError, isCancelled, isNotFound } from "#errors";
import { formatReference, withDefaultTag } from "#oci";
import type { Descriptor, ManifestDocument, Reference } from "#oci";
import { sendFollowing } from "./redirects.ts";
import { pullError } from "./pullErrors.ts";
import { checkReadable, collectBlob, openBlobAt } from "./readBlob.ts";
import { readManifest } from "./readManifest.ts";
import type { BlobStream, RepositoryReader, RequestOptions } from "./registryClient.ts";
import { registryError } from "./registryError.ts";
import { throwIfCancelled } from "./retry.ts";
import type { Session } from "./session.ts";
import { listTags } from "./tagList.ts";
import type { Transport } from "./transport.ts";

const MAX_BLOB_IN_MEMORY = 8 << 20;
/** A mirror that failed is passed over for this long. */
const MIRROR_PAUSE_MS = 30_000;

/** Reading a repository: its mirrors in order, then the registry itself. */
export class PullingRepository implements RepositoryReader {
  readonly #reference: Reference;
  readonly #sessions: readonly Session[];
  readonly #transport: Transport;
  readonly #failedAt: Map<Session, number> = new Map();

  constructor(reference: Reference, sessions: readonly Session[], transport: Transport) {
    this.#reference = reference;
    this.#sessions = sessions;
    this.#transport = transport;
  }

  async resolve(reference: Reference, options: RequestOptions = {}): Promise<ManifestDocument> {
    const named = withDefaultTag(reference);
    const tagOrDigest = named.digest ?? named.tag ?? "latest";
    return await this.#manifest(named, { path: named.path, tagOrDigest, signal: options.signal });
  }

  async fetchManifest(descriptor: Descriptor, options: RequestOptions = {}): Promise<ManifestDocument> {
    const { digest, size } = descriptor;
    const { domain, path } = this.#reference;
    const wanted = { path, tagOrDigest: digest, size, signal: options.signal };
    return await this.#manifest({ domain, path, digest }, wanted);
  }

  async openBlob(
    descriptor: Descriptor,
    options: RequestOptions & { readonly offset?: number } = {},
  ): Promise<BlobStream> {
    const { signal, offset = 0 } = options;
    const target = `/v2/${this.#reference.path}/blobs/${descriptor.digest}`;
    const open = (session: Session): Promise<BlobStream> =>
      openBlobAt(
        (headers) => session.request({ method: "GET", target, headers, signal, isBulk: true, accept: [416] }),
        descriptor,
        offset,
      );
    try {
      return await this.#firstThatWorks(open);
    } catch (error) {
      if (!isNotFound(error) || descriptor.urls === undefined || descriptor.urls.length === 0) throw error;
      return await this.#openForeign(descriptor, offset, signal);
    }
  }

  async readBlob(
    descriptor: Descriptor,
    options: RequestOptions & { readonly maxBytes?: number } = {},
  ): Promise<Uint8Array> {
    checkReadable(descriptor, options.maxBytes ?? MAX_BLOB_IN_MEMORY);
    const target = `/v2/${this.#reference.path}/blobs/${descriptor.digest}`;
    const { signal } = options;
    const read = (session: Session): Promise<Uint8Array> =>
      session.retrying(async () => {
        const send = (headers: Readonly<Record<string, string>>): ReturnType<Session["requestOnce"]> =>
          session.requestOnce({ method: "GET", target, headers, signal });
        return await collectBlob(await openBlobAt(send, descriptor, 0), descriptor);
      }, signal);
    return await this.#firstThatWorks(read);
  }

  async listTags(options: RequestOptions = {}): Promise<readonly string[]> {
    const { path } = this.#reference;
    return await this.#asPull(this.#reference, () =>
      this.#firstThatWorks((session) => listTags(session, path, options.signal)),
    );
  }

  #manifest(reference: Reference, wanted: Parameters<typeof readManifest>[1]): Promise<ManifestDocument> {
    return this.#asPull(reference, () => this.#firstThatWorks((session) => readManifest(session, wanted)));
  }

  async #asPull<T>(reference: Reference, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw pullError(error, reference);
    }
  }

  /** The last endpoint is the registry itself: what it says is what the user is told. */
  async #firstThatWorks<T>(act: (session: Session) => Promise<T>): Promise<T> {
    for (const session of this.#sessions) {
      if (!session.isMirror) return await act(session);
      if (Date.now() - (this.#failedAt.get(session) ?? -Infinity) < MIRROR_PAUSE_MS) continue;
      try {
        return await act(session);
      } catch (error) {
        if (isCancelled(error)) throw error;
        if (!isNotFound(error)) this.#failedAt.set(session, Date.now());
      }
    }
    throw new Error(`no endpoint for ${formatReference(this.#reference)}`);
  }

  /** Non-distributable layers may live elsewhere; nobody's credentials go there. */
  async #openForeign(descriptor: Descriptor, offset: number, signal: AbortSignal | undefined): Promise<BlobStream> {
    let failure: unknown = new EngineError(
      "not_found",
      ErrorCode.BLOB_NOT_FOUND,
      `blob ${descriptor.digest}: no http(s) URL for it`,
    );
    for (const text of descriptor.urls ?? []) {
      const url = URL.parse(text);
      if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) continue;
      throwIfCancelled(signal);
      try {
        return await openBlobAt((headers) => this.#getForeign(url, headers, signal), descriptor, offset);
      } catch (error) {
        if (findEngineError(error)?.category === "cancelled") throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #getForeign(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): ReturnType<typeof sendFollowing> {
    const response = await sendFollowing(this.#transport, { method: "GET", url, headers, signal, isBulk: true });
    if (response.status >= 400 && response.status !== 416) throw await registryError(response);
    return response;
  }
}
