import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { BuildSession, ContextReceiver, OutputTarget, SessionContent, WantedFiles } from "#build";
import { EngineError, ErrorCode, isAlreadyExists, isNotFound } from "#errors";
import type { RegistryCredentials } from "#remote";
import { receiveTree } from "../fsutil/receive.ts";
import { sendTree } from "../fsutil/send.ts";
import { TreeSpool } from "../fsutil/treeSpool.ts";
import { GrpcClient } from "../grpc/client.ts";
import { isUnimplemented } from "../grpc/status.ts";
import { byteStream } from "./byteStream.ts";
import { ClientContent } from "./content.ts";
import type { SessionIdentity } from "./identity.ts";
import { SessionMethod } from "./methods.ts";

/** As BuildKit bounds a question to a client. */
const QUESTION_TIMEOUT_MS = 60_000;
const MAX_CHUNK_BYTES = 32 << 10;
/** Under which name a client knows Docker Hub. */
const HUB_DOMAIN = "docker.io";
const CLIENT_ID = "buildkit-client";
const SALT_BYTES = 32;
const HUB_HOST = "registry-1.docker.io";

/** Header values must be ASCII: the whole list is escaped if one of them is not. */
function encodePaths(key: string, values: readonly string[]): Record<string, string | readonly string[]> {
  if (values.length === 0) return {};
  // oxlint-disable-next-line no-control-regex -- printable ASCII is what a header can hold
  if (values.every((value) => /^[\x20-\x7e]*$/.test(value))) return { [key]: values };
  return {
    [key]: values.map((value) => encodeURIComponent(value).replaceAll("%20", "+")),
    [`${key}-encoded`]: "1",
  };
}

function missing(message: string): EngineError {
  return new EngineError("not_found", ErrorCode.SESSION, message);
}

/** A client's session: its services, called over the connection that it dialled. */
export class GrpcSession implements BuildSession {
  readonly id: string;
  readonly sharedKey: string;
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>;
  readonly #client: GrpcClient;
  readonly #methods: ReadonlySet<string>;

  constructor(identity: SessionIdentity, socket: Duplex) {
    this.id = identity.id;
    this.sharedKey = identity.sharedKey;
    this.#methods = new Set(identity.methods.map((method) => method.toLowerCase()));
    this.#client = new GrpcClient(socket);
    this.closed = this.#client.closed;
  }

  close(): void {
    this.#client.close();
  }

  /** A client may be on another machine, and names no paths: it always sends. */
  localDirectory(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async sendDirectory(name: string, wanted: WantedFiles, receiver: ContextReceiver): Promise<void> {
    if (!this.#offers(SessionMethod.SYNC)) throw missing("no local sources enabled");
    const call = this.#client.open(SessionMethod.SYNC, ["Packet", "Packet"], {
      metadata: {
        "dir-name": name,
        ...encodePaths("followpaths", wanted.followPaths ?? []),
        ...encodePaths("include-patterns", wanted.includes),
        ...encodePaths("exclude-patterns", wanted.excludes),
      },
      signal: wanted.signal,
    });
    await receiveTree(call, receiver, wanted.onProgress);
  }

  async *upload(url: string): AsyncGenerator<Uint8Array> {
    const [, host = "", path = ""] = /^https?:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const call = this.#client.open(SessionMethod.UPLOAD, ["Bytes", "Bytes"], {
      metadata: { urlpath: path, urlhost: host },
    });
    try {
      for await (const { data } of call.messages()) yield data;
    } finally {
      call.cancel();
    }
  }

  async secret(id: string): Promise<Uint8Array> {
    if (!this.#offers(SessionMethod.SECRET)) throw missing(`secret ${id}: not found`);
    try {
      return (await this.#ask(SessionMethod.SECRET, ["GetSecretRequest", "Bytes"], { id })).data;
    } catch (error) {
      throw isNotFound(error) ? missing(`secret ${id}: not found`) : error;
    }
  }

  async credentials(registryHost: string): Promise<RegistryCredentials | undefined> {
    const host = registryHost === HUB_DOMAIN ? HUB_HOST : registryHost;
    if (!(await this.#givesTokens(host))) return this.#password(host);
    return {
      holder: {
        id: this.id,
        token: async ({ realm, service, scopes }) => {
          const request = { clientId: CLIENT_ID, host, realm, service, scopes };
          const types = ["FetchTokenRequest", "FetchTokenResponse"] as const;
          const { token, expiresIn } = await this.#ask(SessionMethod.FETCH_TOKEN, types, request);
          return { bearer: token, expiresInS: Number(expiresIn) };
        },
        password: () => this.#password(host),
      },
    };
  }

  /** A client that may have other credentials for each repository, or tokens of its own, gets tokens itself. */
  async #givesTokens(host: string): Promise<boolean> {
    if (!this.#offers(SessionMethod.FETCH_TOKEN) || !this.#offers(SessionMethod.TOKEN_AUTHORITY)) return false;
    const types = ["TokenAuthorityRequest", "TokenAuthorityResponse"] as const;
    const request = { host, salt: randomBytes(SALT_BYTES) };
    return await this.#ask(SessionMethod.TOKEN_AUTHORITY, types, request).then(
      ({ publicKey }) => publicKey.length > 0,
      () => false, // it has been told not to
    );
  }

  async #password(host: string): Promise<RegistryCredentials | undefined> {
    if (!this.#offers(SessionMethod.CREDENTIALS)) return undefined;
    try {
      const types = ["CredentialsRequest", "CredentialsResponse"] as const;
      const { username, secret } = await this.#ask(SessionMethod.CREDENTIALS, types, { host });
      if (secret === "") return undefined;
      return username === "" ? { identityToken: secret } : { username, password: secret };
    } catch (error) {
      if (isUnimplemented(error)) return undefined;
      throw error;
    }
  }

  async connectSshAgent(id: string): Promise<Duplex> {
    if (!this.#offers(SessionMethod.SSH_CHECK))
      throw missing(`no SSH key ${JSON.stringify(id)} forwarded from the client`);
    await this.#ask(SessionMethod.SSH_CHECK, ["CheckAgentRequest", "Empty"], { id });
    const call = this.#client.open(SessionMethod.SSH_FORWARD, ["Bytes", "Bytes"], {
      metadata: { "buildkit.ssh.id": id },
    });
    return byteStream(call.messages(), {
      send: (message) => call.send(message),
      end: () => call.end(),
      close: () => call.cancel(),
    });
  }

  contentStore(id: string): Promise<SessionContent> {
    if (!this.#offers(SessionMethod.CONTENT_INFO))
      throw missing(`no content store ${JSON.stringify(id)} at the client`);
    return Promise.resolve(new ClientContent(this.#client, storeId(id)));
  }

  async sendTar(output: OutputTarget, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    this.#needOutput();
    const response = Object.entries(output.response).map(([key, value]) => [`exporter-md-${key.toLowerCase()}`, value]);
    const call = this.#client.open(SessionMethod.SEND, ["Bytes", "Bytes"], {
      metadata: { ...Object.fromEntries(response), ...outputIndex(output) },
      signal: output.signal,
    });
    try {
      for await (const chunk of bytes)
        for (let at = 0; at < chunk.length; at += MAX_CHUNK_BYTES)
          await call.send({ data: chunk.subarray(at, at + MAX_CHUNK_BYTES) });
      call.end();
      await call.finished();
    } catch (error) {
      call.cancel();
      // The client has it already, and says so instead of reading.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async sendTree(output: OutputTarget, tar: AsyncIterable<Uint8Array>): Promise<void> {
    this.#needOutput();
    await using spool = await TreeSpool.create();
    const entries = await spool.fill(tar);
    const call = this.#client.open(SessionMethod.SEND, ["Packet", "Packet"], {
      metadata: outputIndex(output),
      signal: output.signal,
    });
    await sendTree(call, entries);
  }

  #offers(method: string): boolean {
    return this.#methods.has(method.toLowerCase());
  }

  #needOutput(): void {
    if (!this.#offers(SessionMethod.SEND)) throw missing("the client takes no output of this build");
  }

  #ask: GrpcClient["unary"] = (path, types, request) =>
    this.#client.unary(path, types, request, { signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) });
}

function outputIndex({ index }: OutputTarget): Record<string, string> {
  return { "buildkit-attachable-exporter-id": String(index) };
}

/** Clients know an OCI layout by `oci:<name>`; caches and what is exported have ids that say what they are. */
function storeId(id: string): string {
  return id === "export" || /^(?:local|oci):/.test(id) ? id : `oci:${id}`;
}
