import type { Duplex } from "node:stream";
import type { BuildSession, SessionContent } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { RegistryCredentials } from "#remote";
import { parseAuthConfig } from "../query.ts";

const HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_KEYS = ["https://index.docker.io/v1/", "docker.io", "index.docker.io"];

function notOffered(what: string): EngineError {
  return new EngineError("not_found", ErrorCode.BAD_REQUEST, what);
}

/** `X-Registry-Config`: base64url of a map from registry to AuthConfig. A malformed one counts as none, as in dockerd. */
function registryConfig(header: string | readonly string[] | undefined): Readonly<Record<string, unknown>> {
  if (typeof header !== "string" || header === "") return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The session of `POST /build`: a tar in the body, and credentials in a header. */
export class ClassicSession implements BuildSession {
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #credentials: Readonly<Record<string, unknown>>;
  #isTaken = false;

  constructor(body: AsyncIterable<Uint8Array>, registryConfigHeader: string | readonly string[] | undefined) {
    this.#body = body;
    this.#credentials = registryConfig(registryConfigHeader);
  }

  async localDirectory(): Promise<undefined> {
    return undefined;
  }

  sendDirectory(name: string): Promise<void> {
    return Promise.reject(notOffered(`no access allowed to dir ${JSON.stringify(name)}`));
  }

  async *upload(url: string): AsyncIterable<Uint8Array> {
    if (this.#isTaken) throw notOffered(`${url}: the request's body has been read`);
    this.#isTaken = true;
    const body = this.#body;
    yield* body;
  }

  secret(id: string): Promise<Uint8Array> {
    return Promise.reject(notOffered(`secret ${id}: not found`));
  }

  connectSshAgent(id: string): Promise<Duplex> {
    return Promise.reject(notOffered(`unset ssh forward key ${id}`));
  }

  async credentials(registryHost: string): Promise<RegistryCredentials | undefined> {
    const keys = HUB_HOSTS.includes(registryHost) ? HUB_KEYS : [registryHost, `https://${registryHost}`];
    const key = keys.find((name) => Object.hasOwn(this.#credentials, name));
    return key === undefined ? undefined : parseAuthConfig(this.#credentials[key]);
  }

  contentStore(id: string): Promise<SessionContent> {
    return Promise.reject(notOffered(`content store ${JSON.stringify(id)} is not offered by this client`));
  }

  sendTar(): Promise<void> {
    return Promise.reject(notOffered("outputs to the client need a BuildKit client"));
  }

  sendTree(): Promise<void> {
    return this.sendTar();
  }
}
