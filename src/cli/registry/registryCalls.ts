import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { categoryOf, EngineError, ErrorCode, messageOf } from "#errors";
import { parseReference } from "#oci";
import type { Session } from "../core/session.ts";

/** A manifest or index as its registry has it; `raw` is what its digest is of. */
export interface RemoteDocument {
  readonly mediaType: string;
  readonly digest: string;
  readonly raw: Buffer;
}

/** What names a blob. */
export interface BlobName {
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
}

const PREFIX = "Error response from daemon: ";
const ROUTES = "/varve/v1/registry";

/** The registry is who speaks, the daemon passes it on. */
async function unprefixed<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const message = messageOf(error);
    if (!message.startsWith(PREFIX)) throw error;
    const category = categoryOf(error) ?? "internal";
    throw new EngineError(category, ErrorCode.REGISTRY, message.slice(PREFIX.length), { cause: error });
  }
}

/** Registries as the daemon reaches them, with the credentials of this user. */
export class RegistryCalls {
  readonly #session: Session;
  readonly #insecure: boolean;
  readonly #auths = new Map<string, Promise<string>>();

  constructor(session: Session, insecure = false) {
    this.#session = session;
    this.#insecure = insecure;
  }

  /** @throws {not_found} when there is none. */
  async document(name: string): Promise<RemoteDocument> {
    const call = { path: `${ROUTES}/manifest`, query: { name, insecure: this.#insecure } };
    const headers = { "X-Registry-Auth": await this.#auth(name) };
    const told = await unprefixed(
      this.#session.client.json<{ mediaType: string; digest: string; raw: string }>({ ...call, headers }),
    );
    return { ...told, raw: Buffer.from(told.raw, "base64") };
  }

  /** At most 8 MiB. */
  async blob(name: string, blob: BlobName): Promise<Buffer> {
    const { digest, size } = blob;
    const call = { path: `${ROUTES}/blob`, query: { name, digest, size, insecure: this.#insecure } };
    const headers = { "X-Registry-Auth": await this.#auth(name) };
    const { raw } = await unprefixed(this.#session.client.json<{ raw: string }>({ ...call, headers }));
    return Buffer.from(raw, "base64");
  }

  /** Answers the digest that the registry acknowledged. */
  async put(name: string, document: { readonly raw: Uint8Array; readonly mediaType: string }): Promise<string> {
    const { raw, mediaType } = document;
    const { digest } = await unprefixed(
      this.#session.client.json<{ digest: string }>({
        method: "PUT",
        path: `${ROUTES}/manifest`,
        query: { name, insecure: this.#insecure },
        headers: { "X-Registry-Auth": await this.#auth(name), "Content-Type": mediaType },
        upload: (async function* () {
          yield raw;
        })(),
      }),
    );
    return digest;
  }

  /** A blob to another repository: found there, mounted, else sent through the daemon. */
  async copy(from: string, to: string, blob: BlobName): Promise<void> {
    const { digest, size, mediaType } = blob;
    const headers = { "X-Registry-Auth": await this.#auth(to), "X-Registry-Source-Auth": await this.#auth(from) };
    await unprefixed(
      this.#session.client.json({
        method: "POST",
        path: `${ROUTES}/copy`,
        query: { from, to, digest, size, mediaType, insecure: this.#insecure },
        headers,
      }),
    );
  }

  #auth(name: string): Promise<string> {
    const server = serverOf(parseReference(name));
    const known = this.#auths.get(server) ?? readCredentials(this.#session.config, server).then(encodeRegistryAuth);
    this.#auths.set(server, known);
    return known;
  }
}
