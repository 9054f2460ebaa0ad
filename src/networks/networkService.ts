import type { EndpointConfig, EndpointSettings, Filters, NetworkResource, PortMap, PortRow } from "#engineapi";

/**
 * Networks of this engine, in two roles over the same records: the catalog, which the API shows, and the sandboxes, which
 * containers live in.
 *
 * A network is a record; a bridge network also has a bridge and a part of our nft table while this daemon's host is up. A
 * **sandbox** is what one container holds of networks: from its creation on the endpoints it shall have, while it runs also a
 * network namespace (bind-mounted at `<exec root>/netns/<first 12 of the sandbox id>`), interfaces, addresses, published
 * ports and a DNS server. Namespaces and bridges outlive the daemon as containers do; `reconcile` takes them up again.
 *
 * A `reference` is an id, a name, or a prefix of the id that only one network has. Methods with one throw {not_found}
 * NETWORK_NOT_FOUND `network x not found`.
 */
export interface NetworkCatalog {
  /** Body of `POST /networks/create` as it came. @throws {conflict} {invalid_argument} {permission_denied} in Docker's words */
  create(request: unknown): Promise<{ readonly Id: string; readonly Warning: string }>;
  /** `filters`: driver, id, label, name, scope, type, dangling, until. Without `Containers`. @throws {invalid_argument} INVALID_FILTER */
  list(filters: Filters): readonly NetworkResource[];
  /** With `Containers`. `scope` asks for networks of that scope only. */
  inspect(reference: string, scope?: string): NetworkResource;
  /** @throws {permission_denied} for a predefined network or one with active endpoints */
  remove(reference: string): Promise<void>;
  /** Removes networks that no container has, with filters `label`, `label!`, `until`. */
  prune(filters: Filters): Promise<{ readonly NetworksDeleted: readonly string[] | null }>;
}

/** A legacy link of the default bridge, resolved. */
export interface SandboxLink {
  readonly containerId: string;
  readonly alias: string;
}

/** What the networks room needs to know of a container. Taken anew at each call: names and settings change. */
export interface SandboxFacts {
  readonly containerId: string;
  readonly name: string;
  readonly hostname: string;
  readonly domainname: string;
  /** `HostConfig.NetworkMode`: default, bridge, host, none, container:<id>, or a network's name or id. */
  readonly mode: string;
  /** `80/tcp`: `Config.ExposedPorts`. */
  readonly exposed: readonly string[];
  readonly bindings: PortMap;
  readonly publishAll: boolean;
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** `name:address`; the address may be `host-gateway`. */
  readonly extraHosts: readonly string[];
  readonly links: readonly SandboxLink[];
  /** The files that the container sees in /etc; the room writes them when it opens the sandbox and when endpoints change. */
  readonly hostsFile: string;
  readonly resolvConfFile: string;
  /** A build's step: clients hear nothing of it. */
  readonly isQuiet?: boolean;
}

/** `NetworkSettings` of inspect. */
export interface SandboxSettings {
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly Ports: PortMap;
  /** By network name, as the container's creator spelt it. */
  readonly Networks: Readonly<Record<string, EndpointSettings>>;
}

/** What containers hold of networks. Every method but `declare` and `settings` throws what the kernel says, in Docker's words. */
export interface SandboxService {
  /** False: an administrator took the default network away; who names none has no network. */
  readonly hasDefaultNetwork: boolean;
  /**
   * Records which networks a new container shall have: that of its mode and those in `endpoints`.
   * @throws {invalid_argument} {not_found} for settings that cannot be
   */
  declare(facts: SandboxFacts, endpoints: Readonly<Record<string, EndpointConfig>>): void;
  /**
   * Makes everything a start needs; resolves with the path of the namespace to run in, undefined for the host's. Nothing is
   * left when it fails. @throws {conflict} {invalid_argument} e.g. `Bind for 0.0.0.0:80 failed: port is already allocated`
   */
  open(facts: SandboxFacts): Promise<string | undefined>;
  /** Takes a run's interfaces, ports, names and namespace away. Idempotent, never throws: what fails is logged. */
  close(containerId: string): void;
  /** Forgets a container that is gone. */
  forget(containerId: string): void;
  /** Joins a network; at once if the sandbox is open. */
  connect(reference: string, facts: SandboxFacts, endpoint: EndpointConfig): Promise<void>;
  /** @throws {permission_denied} `container x is not connected to network y` */
  disconnect(reference: string, facts: SandboxFacts, force: boolean): Promise<void>;
  /** From now on the container answers to its new name. */
  rename(facts: SandboxFacts): void;
  /** A container that the running one links to has started: it is found under its address of now. */
  relink(facts: SandboxFacts): void;
  /** The running container's `links` are no more: it forgets their names. */
  unlink(facts: SandboxFacts): void;
  /** What `host-gateway` means; undefined where nothing does. */
  hostGateway(): string | undefined;
  settings(containerId: string): SandboxSettings;
  /** Rows of `ps`. */
  ports(containerId: string): readonly PortRow[];
  /**
   * At the daemon's start: bridges and rules are made again, sandboxes of containers that live get their DNS server and
   * proxies back, all others are swept away.
   */
  reconcile(living: ReadonlyMap<string, SandboxFacts>): Promise<void>;
}

/** Both roles. `close` ends servers and proxies; namespaces and rules stay for the containers that run on. */
export interface NetworkServices {
  readonly catalog: NetworkCatalog;
  readonly sandboxes: SandboxService;
  close(): Promise<void>;
}
