import type { Reference } from "#oci";
import { AgentPool } from "./agentPool.ts";
import { endpointsOf } from "./endpoints.ts";
import type { Endpoint } from "./endpoints.ts";
import { login } from "./login.ts";
import type {
  RegistryClient,
  RegistryCredentials,
  RegistryOptions,
  RepositoryOptions,
  RepositoryReader,
  RepositoryWriter,
  RequestOptions,
} from "./registryClient.ts";
import { RegistryHost } from "./registryHost.ts";
import { PullingRepository } from "./repositoryReader.ts";
import { PushingRepository } from "./repositoryWriter.ts";
import { repositoryScope } from "./scope.ts";
import { Session } from "./session.ts";
import { domainOfServerAddress } from "./serverAddress.ts";
import { DEFAULT_TIMEOUTS } from "./timeouts.ts";
import type { Timeouts } from "./timeouts.ts";
import { TlsFiles } from "./tlsFiles.ts";
import { TokenStore } from "./tokens.ts";
import { Transport } from "./transport.ts";

/**
 * A client for every registry that the options allow. It keeps connections, tokens and what it learned of each host until
 * it is disposed; it keeps no credentials. `timeouts` are for tests and for very slow lines.
 */
export function createRegistryClient(
  options: RegistryOptions & { readonly timeouts?: Partial<Timeouts> },
): RegistryClient {
  return new HttpRegistryClient(options, { ...DEFAULT_TIMEOUTS, ...options.timeouts });
}

class HttpRegistryClient implements RegistryClient {
  readonly #options: RegistryOptions;
  readonly #timeouts: Timeouts;
  readonly #agents: AgentPool;
  readonly #transport: Transport;
  readonly #tokens: TokenStore;
  readonly #hosts: Map<string, RegistryHost> = new Map();

  constructor(options: RegistryOptions, timeouts: Timeouts) {
    this.#options = options;
    this.#timeouts = timeouts;
    this.#agents = new AgentPool(new TlsFiles(options.certsDirectory));
    this.#transport = new Transport(this.#agents, { timeouts, userAgent: options.userAgent });
    this.#tokens = new TokenStore(this.#transport);
  }

  repository(reference: Reference, options: RepositoryOptions = {}): RepositoryReader & RepositoryWriter {
    const scope = options.scope ?? "pull";
    const scopes = [repositoryScope(reference.path, scope)];
    const { insecureRegistries } = this.#options;
    const ownInsecure = options.insecure === true ? [reference.domain] : [];
    const endpoints = endpointsOf(reference.domain, scope, {
      ...this.#options,
      insecureRegistries: [...insecureRegistries, ...ownInsecure],
    });
    const trusted = new Set(endpoints.at(-1)?.bases.map(({ origin }) => origin));
    const sessions = endpoints.map((endpoint) => {
      const isTrusted = endpoint.bases.every(({ origin }) => trusted.has(origin));
      const credentials = isTrusted ? options.credentials : undefined;
      return new Session({ ...this.#parts(), host: this.#host(endpoint), credentials, scopes });
    });
    const own = sessions.at(-1);
    if (own === undefined) throw new Error(`no endpoint for ${reference.domain}`);
    const reader = new PullingRepository(reference, sessions, this.#transport);
    const writer = new PushingRepository(reference.path, own);
    return { ...bound(reader), ...boundWriter(writer) };
  }

  async login(
    serverAddress: string,
    credentials: RegistryCredentials,
    options: RequestOptions = {},
  ): Promise<{ readonly identityToken?: string }> {
    const endpoint = endpointsOf(domainOfServerAddress(serverAddress), "push", this.#options)[0];
    if (endpoint === undefined) throw new Error(`no endpoint for ${serverAddress}`);
    const host = this.#host(endpoint);
    host.forget();
    return await login({ ...this.#parts(), host, signal: options.signal }, credentials);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hosts.clear();
    await this.#agents.close();
  }

  #parts(): { readonly transport: Transport; readonly tokens: TokenStore; readonly timeouts: Timeouts } {
    return { transport: this.#transport, tokens: this.#tokens, timeouts: this.#timeouts };
  }

  #host(endpoint: Endpoint): RegistryHost {
    const key = `${endpoint.isMirror} ${endpoint.bases.map(({ href }) => href).join(" ")}`;
    const known = this.#hosts.get(key) ?? new RegistryHost(endpoint, this.#transport, this.#timeouts);
    this.#hosts.set(key, known);
    return known;
  }
}

function bound(reader: RepositoryReader): RepositoryReader {
  return {
    resolve: (reference, options) => reader.resolve(reference, options),
    fetchManifest: (descriptor, options) => reader.fetchManifest(descriptor, options),
    openBlob: (descriptor, options) => reader.openBlob(descriptor, options),
    readBlob: (descriptor, options) => reader.readBlob(descriptor, options),
    listTags: (options) => reader.listTags(options),
  };
}

function boundWriter(writer: RepositoryWriter): RepositoryWriter {
  return {
    hasBlob: (digest, options) => writer.hasBlob(digest, options),
    mountBlob: (digest, fromPath, options) => writer.mountBlob(digest, fromPath, options),
    uploadBlob: (blob, options) => writer.uploadBlob(blob, options),
    headManifest: (tagOrDigest, options) => writer.headManifest(tagOrDigest, options),
    putManifest: (tagOrDigest, document, options) => writer.putManifest(tagOrDigest, document, options),
  };
}
