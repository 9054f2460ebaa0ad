import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EndpointConfig, PortRow } from "#engineapi";
import { messageOf } from "#errors";
import { createNetworkNamespace, inNetworkNamespace, NetlinkSocket, removeNetworkNamespace } from "#host";
import { DnsServer } from "../dns/dnsServer.ts";
import { Resolver } from "../dns/resolver.ts";
import { networkNotFound } from "../networkError.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { SandboxFacts, SandboxService, SandboxSettings } from "../networkService.ts";
import type { PublishedPorts } from "../ports/hostPorts.ts";
import type { SandboxContext } from "./context.ts";
import { openDnsSockets } from "./dnsRedirect.ts";
import type { DnsSockets } from "./dnsRedirect.ts";
import { checkEndpoint } from "./endpointCheck.ts";
import {
  allocate,
  defaultRoutes,
  dnsNamesOf,
  inJoiningOrder,
  networkOfMode,
  newId,
  nextInterface,
  releaseEndpoint,
} from "./endpoints.ts";
import { openLoopback, plug, setDefaultRoutes } from "./interfaces.ts";
import type { Namespace } from "./interfaces.ts";
import { LiveChanges } from "./liveChanges.ts";
import { SandboxNames } from "./names.ts";
import { forgetLinks } from "./hostsFile.ts";
import { openLinks } from "./links.ts";
import { openPorts, portRows } from "./publishing.ts";
import type { OpenPorts } from "./publishing.ts";
import { hostGateway, needsDns, resolvConfOf, updateLinks, writeHosts } from "./sandboxFiles.ts";
import { NO_PORTS } from "./sandboxRecord.ts";
import type { Endpoint, SandboxRecord } from "./sandboxRecord.ts";
import { sandboxSettings } from "./sandboxView.ts";

const KEY_DIGITS = 12;

/** What an open sandbox has in this process only. */
export interface Running {
  bound: PublishedPorts | undefined;
  dns: DnsServer | undefined;
}

/** What containers hold of networks. See `SandboxService`. */
export class Sandboxes implements SandboxService {
  readonly #context: SandboxContext;
  readonly #running = new Map<string, Running>();
  readonly #changes: LiveChanges;

  constructor(context: SandboxContext) {
    this.#context = context;
    this.#changes = new LiveChanges(context, this);
    mkdirSync(context.namespaces, { recursive: true, mode: 0o711 });
  }

  declare(facts: SandboxFacts, wanted: Readonly<Record<string, EndpointConfig>>): void {
    const { networks, store } = this.#context;
    const own = networkOfMode(facts.mode);
    const entries = new Map(
      Object.entries(wanted).map(([name, config]) => [name === "default" ? "bridge" : name, config]),
    );
    if (own !== undefined && !this.#names(entries, own)) entries.set(own, {});
    const endpoints = own === undefined ? [] : [...entries].map(([name, config]) => this.#declared(name, config));
    for (const { name, networkId, config } of endpoints) {
      checkEndpoint(name, networks.find(networkId || name), config, `invalid config for network ${name}: `);
    }
    store.put({ ...blank(facts), endpoints: endpoints.map((endpoint) => ({ ...endpoint, networkId: "" })) });
  }

  /** True if one of the entries is the network, by name or by id. */
  #names(entries: ReadonlyMap<string, EndpointConfig>, own: string): boolean {
    const id = this.#context.networks.find(own)?.id;
    return [...entries.keys()].some((name) => name === own || this.#context.networks.find(name)?.id === (id ?? name));
  }

  #declared(reference: string, config: EndpointConfig): Endpoint {
    const network = this.#context.networks.find(reference);
    return { name: network?.name ?? reference, networkId: network?.id ?? "", config, dnsNames: null };
  }

  get hasDefaultNetwork(): boolean {
    return this.#context.networks.byName("bridge") !== undefined;
  }

  async open(given: SandboxFacts): Promise<string | undefined> {
    const facts = this.withDefaults(given);
    const shared = /^container:(.+)$/.exec(facts.mode)?.[1];
    if (shared !== undefined) return this.namespaceOf(shared);
    this.close(facts.containerId);
    const sandbox = this.#prepare(facts);
    let opened: OpenPorts | undefined;
    try {
      opened = await openPorts(this.#context, facts, sandbox.endpoints);
      return await this.#make(facts, { ...sandbox, ports: opened.ports }, opened.bound);
    } catch (error) {
      opened?.bound?.close();
      for (const endpoint of sandbox.endpoints) releaseEndpoint(this.#context, endpoint);
      this.#context.store.put(this.#shut(sandbox));
      throw error;
    }
  }

  /** What a container says nothing about is the administrator's to say. */
  withDefaults(facts: SandboxFacts): SandboxFacts {
    const { dns, dnsOptions, dnsSearch } = this.#context.defaults;
    return {
      ...facts,
      dns: facts.dns.length > 0 ? facts.dns : dns,
      dnsOptions: facts.dnsOptions.length > 0 ? facts.dnsOptions : dnsOptions,
      dnsSearch: facts.dnsSearch.length > 0 ? facts.dnsSearch : dnsSearch,
    };
  }

  /** Finds the networks and takes addresses; nothing is made yet. */
  #prepare(facts: SandboxFacts): SandboxRecord {
    const { store } = this.#context;
    const known = store.get(facts.containerId) ?? blank(facts);
    const isHost = facts.mode === "host";
    let { counters }: { counters: SandboxRecord["interfaces"] } = { counters: {} };
    const endpoints: Endpoint[] = [];
    try {
      for (const endpoint of inJoiningOrder(known.endpoints, facts.mode)) {
        const network = this.openNetwork(endpoint.networkId || endpoint.name);
        const next = nextInterface(counters, network);
        const live = allocate(this.#context, network, { config: endpoint.config, interfaceName: next.name });
        if (live.interface !== "") counters = next.counters;
        const dnsNames = dnsNamesOf(network, facts, endpoint.config);
        endpoints.push({ ...endpoint, name: network.name, networkId: network.id, dnsNames, live });
      }
    } catch (error) {
      for (const endpoint of endpoints) releaseEndpoint(this.#context, endpoint);
      throw error;
    }
    return {
      ...blank(facts),
      id: newId(),
      open: true,
      endpoints,
      interfaces: counters,
      resolvConf: isHost ? "" : known.resolvConf,
    };
  }

  /** The network with everything it needs on the host. @throws {not_found} NETWORK_NOT_FOUND */
  openNetwork(reference: string): NetworkRecord {
    const { networks, defaultBridge, drivers } = this.#context;
    const found = networks.find(reference);
    if (found === undefined || found.configOnly) throw networkNotFound(reference);
    const network = found.name === "bridge" ? defaultBridge.open() : found;
    drivers(network.driver)?.open(network);
    return network;
  }

  async #make(
    facts: SandboxFacts,
    prepared: SandboxRecord,
    bound: PublishedPorts | undefined,
  ): Promise<string | undefined> {
    const { store, dataplane } = this.#context;
    const resolvConf = resolvConfOf(this.#context, facts, prepared.endpoints);
    const sandbox = { ...prepared, resolvConf };
    const running: Running = { bound, dns: undefined };
    const path = this.#pathOf(sandbox);
    try {
      if (facts.mode !== "host") {
        const sockets = createNetworkNamespace(path, (fd) => this.#furnish(fd, sandbox));
        running.dns = await this.#serve(facts.containerId, sockets);
      }
      dataplane.publish(sandbox.ports.rules);
      store.put(sandbox);
      this.#running.set(facts.containerId, running);
      this.#openLinks(facts);
      writeHosts(this.#context, facts, sandbox.endpoints);
      writeFileSync(facts.resolvConfFile, resolvConf, { mode: 0o644 });
    } catch (error) {
      this.#running.delete(facts.containerId);
      void running.dns?.close();
      dataplane.withdraw(sandbox.ports.rules);
      if (facts.mode !== "host") removeNetworkNamespace(path);
      throw error;
    }
    for (const endpoint of sandbox.endpoints) this.emit("connect", sandbox, endpoint);
    return facts.mode === "host" ? undefined : path;
  }

  #openLinks(facts: SandboxFacts): void {
    openLinks(this.#context, facts, (sandbox, work) => this.within(sandbox, work));
  }

  /** Within the new namespace. */
  #furnish(fd: number, sandbox: SandboxRecord): DnsSockets | undefined {
    const { dataplane, networks, drivers } = this.#context;
    using socket = NetlinkSocket.open();
    const namespace: Namespace = { socket, fd };
    openLoopback(namespace);
    for (const { networkId, live, config } of sandbox.endpoints) {
      const network = networks.byId(networkId);
      const driver = network === undefined ? undefined : drivers(network.driver);
      if (network === undefined || driver === undefined || live === undefined) continue;
      plug(namespace, dataplane, { network, driver, live, linkLocal: config.IPAMConfig?.LinkLocalIPs ?? [] });
    }
    setDefaultRoutes(namespace, {}, defaultRoutes(sandbox.endpoints));
    return needsDns(this.#context, sandbox.endpoints) ? openDnsSockets({ isNew: true }) : undefined;
  }

  async #serve(containerId: string, sockets: DnsSockets | undefined): Promise<DnsServer | undefined> {
    if (sockets === undefined) return undefined;
    const { store, networks, tables, forwarder } = this.#context;
    const names = new SandboxNames(containerId, { sandboxes: store, networks, tables });
    const { udp, tcp } = sockets;
    return DnsServer.open(new Resolver(names, forwarder), { udp: { fd: udp.fd }, tcp: { fd: tcp.fd } });
  }

  /** A DNS server for a sandbox that is open and has none; the thread must not be in a namespace. */
  async openDns(sandbox: SandboxRecord): Promise<void> {
    const running = this.#running.get(sandbox.containerId);
    if (running === undefined || running.dns !== undefined || sandbox.mode === "host") return;
    if (!needsDns(this.#context, sandbox.endpoints)) return;
    running.dns = await this.#serve(
      sandbox.containerId,
      inNetworkNamespace(this.#pathOf(sandbox), () => openDnsSockets({ isNew: false })),
    );
  }

  /** Runs `work` within an open sandbox's namespace. */
  within<T>(sandbox: SandboxRecord, work: (namespace: Namespace) => T): T {
    return inNetworkNamespace(this.#pathOf(sandbox), (fd) => {
      using socket = NetlinkSocket.open();
      return work({ socket, fd });
    });
  }

  /** Publishes a sandbox's ports anew, after the endpoint that they belong to has changed. */
  async republish(facts: SandboxFacts, sandbox: SandboxRecord): Promise<SandboxRecord> {
    const running = this.#running.get(sandbox.containerId);
    this.#context.dataplane.withdraw(sandbox.ports.rules);
    running?.bound?.close();
    const chosen = Object.values(sandbox.ports.shown).some((bindings) => bindings !== null);
    const { bound, ports } = await openPorts(
      this.#context,
      facts,
      sandbox.endpoints,
      chosen ? again(sandbox) : undefined,
    );
    if (running === undefined || this.#running.get(sandbox.containerId) !== running) {
      // The container ended while its ports were bound.
      bound?.close();
      return this.#context.store.get(sandbox.containerId) ?? sandbox;
    }
    running.bound = bound;
    this.#context.dataplane.publish(ports.rules);
    return { ...sandbox, ports };
  }

  close(containerId: string): void {
    const { store, dataplane } = this.#context;
    const sandbox = store.get(containerId);
    if (sandbox === undefined || !sandbox.open) return;
    const running = this.#running.get(containerId);
    this.#running.delete(containerId);
    void running?.dns?.close();
    running?.bound?.close();
    try {
      dataplane.withdraw(sandbox.ports.rules);
      for (const { live } of sandbox.endpoints) {
        if (live?.hostInterface) dataplane.unplug(live.hostInterface);
        if (live?.ipv4 !== undefined) dataplane.unlink(live.ipv4.address);
      }
      if (sandbox.mode !== "host") removeNetworkNamespace(this.#pathOf(sandbox));
    } catch (error) {
      this.#context.log("warn", `network of container ${containerId}: ${messageOf(error)}`);
    }
    for (const endpoint of sandbox.endpoints) releaseEndpoint(this.#context, endpoint);
    store.put(this.#shut(sandbox));
    for (const endpoint of sandbox.endpoints) this.emit("disconnect", sandbox, endpoint);
  }

  /** What stays of a sandbox after its run. */
  #shut(sandbox: SandboxRecord): SandboxRecord {
    const endpoints = sandbox.endpoints.map(({ live: _live, ...endpoint }) => endpoint);
    return { ...sandbox, open: false, endpoints, ports: NO_PORTS, interfaces: {} };
  }

  forget(containerId: string): void {
    this.close(containerId);
    this.#context.store.remove(containerId);
  }

  connect(reference: string, facts: SandboxFacts, endpoint: EndpointConfig): Promise<void> {
    return this.#changes.connect(reference, this.withDefaults(facts), endpoint);
  }

  disconnect(reference: string, facts: SandboxFacts, force: boolean): Promise<void> {
    return this.#changes.disconnect(reference, this.withDefaults(facts), force);
  }

  rename(facts: SandboxFacts): void {
    const { store, networks } = this.#context;
    const sandbox = store.get(facts.containerId);
    if (sandbox === undefined) return;
    const endpoints = sandbox.endpoints.map((endpoint) => {
      const network = networks.byId(endpoint.networkId);
      return network === undefined ? endpoint : { ...endpoint, dnsNames: dnsNamesOf(network, facts, endpoint.config) };
    });
    store.put({ ...sandbox, containerName: facts.name, endpoints });
  }

  relink(facts: SandboxFacts): void {
    updateLinks(this.#context, facts);
    this.#openLinks(facts);
  }

  unlink(facts: SandboxFacts): void {
    forgetLinks(
      facts.hostsFile,
      facts.links.map(({ alias }) => alias),
    );
  }

  hostGateway(): string | undefined {
    return hostGateway(this.#context);
  }

  settings(containerId: string): SandboxSettings {
    const sandbox = this.#context.store.get(containerId);
    return sandboxSettings(sandbox, sandbox === undefined || sandbox.id === "" ? "" : this.#keyOf(sandbox));
  }

  ports(containerId: string): readonly PortRow[] {
    return portRows(this.#context.store.get(containerId)?.ports.shown ?? {});
  }

  /** The namespace of a container that runs; undefined for the host's. */
  namespaceOf(containerId: string): string | undefined {
    const sandbox = this.#context.store.get(containerId);
    if (sandbox === undefined || sandbox.mode === "host") return undefined;
    const shared = /^container:(.+)$/.exec(sandbox.mode)?.[1];
    return shared === undefined ? this.#pathOf(sandbox) : this.namespaceOf(shared);
  }

  #pathOf({ id }: SandboxRecord): string {
    return join(this.#context.namespaces, id.slice(0, KEY_DIGITS));
  }

  #keyOf(sandbox: SandboxRecord): string {
    return sandbox.mode === "host" ? join(this.#context.namespaces, "default") : this.#pathOf(sandbox);
  }

  emit(action: "connect" | "disconnect", { containerId, isQuiet }: SandboxRecord, { networkId, name }: Endpoint): void {
    if (isQuiet === true) return;
    const type = this.#context.networks.byId(networkId)?.driver ?? "bridge";
    const Attributes = { container: containerId, name, type };
    this.#context.events({ Type: "network", Action: action, Actor: { ID: networkId, Attributes } });
  }

  async reconcile(living: ReadonlyMap<string, SandboxFacts>): Promise<void> {
    const { store, addressing } = this.#context;
    const open = store.all().filter((sandbox) => sandbox.open);
    const alive = open.filter(({ containerId }) => living.has(containerId));
    for (const { endpoints } of alive) {
      for (const { networkId, live } of endpoints) {
        for (const entry of [live?.ipv4, live?.ipv6])
          if (entry !== undefined) addressing.retake(networkId, entry.address);
      }
    }
    for (const sandbox of alive) {
      const facts = living.get(sandbox.containerId);
      if (facts === undefined) continue;
      await this.#takeUp(facts, sandbox).catch((error: unknown) =>
        this.#context.log("warn", `network of container ${sandbox.containerId}: ${messageOf(error)}`),
      );
    }
    for (const { containerId } of alive) this.#openLinksAgain(living.get(containerId));
    for (const { containerId } of open) if (!living.has(containerId)) this.close(containerId);
    this.#sweep(new Set(alive.map((sandbox) => sandbox.id.slice(0, KEY_DIGITS))));
  }

  #openLinksAgain(facts: SandboxFacts | undefined): void {
    try {
      if (facts !== undefined) this.#openLinks(facts);
    } catch (error) {
      this.#context.log("warn", `links of container ${facts?.containerId ?? ""}: ${messageOf(error)}`);
    }
  }

  /** A container that ran on without us: its interfaces are there, its rules may not be, its servers died with the last daemon. */
  async #takeUp(facts: SandboxFacts, sandbox: SandboxRecord): Promise<void> {
    for (const { networkId } of sandbox.endpoints) if (networkId !== "") this.openNetwork(networkId);
    const running: Running = { bound: undefined, dns: undefined };
    this.#running.set(facts.containerId, running);
    // Names first: they do not depend on ports, which somebody else may have taken meanwhile.
    await this.openDns(sandbox);
    const { bound, ports } = await openPorts(this.#context, facts, sandbox.endpoints, again(sandbox));
    running.bound = bound;
    this.#context.dataplane.publish(ports.rules);
    this.#context.store.put({ ...sandbox, ports });
  }

  /** Namespaces that no record knows: of a daemon that was killed at the wrong moment. */
  #sweep(known: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#context.namespaces)) {
      if (!known.has(name)) removeNetworkNamespace(join(this.#context.namespaces, name));
    }
  }

  /** Ends servers and proxies of this process; the sandboxes stay open. */
  async closeAll(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    for (const { bound } of running) bound?.close();
    await Promise.all(running.map(async ({ dns }) => dns?.close()));
  }
}

/** The host ports that a sandbox has, as a request for the same ones. */
function again({ ports }: SandboxRecord): SandboxRecord["ports"]["shown"] {
  const seen = new Set<string>();
  const entries = Object.entries(ports.shown).map(([port, bindings]) => {
    const own = (bindings ?? []).filter(({ HostIp, HostPort }) => {
      // A port on every address stands there twice, for IPv4 and IPv6.
      const isTwin = HostIp === "::" && seen.has(`${port} ${HostPort}`);
      if (HostIp === "0.0.0.0") seen.add(`${port} ${HostPort}`);
      return !isTwin;
    });
    return [
      port,
      own.map(({ HostIp, HostPort }) => ({ HostIp: HostIp === "0.0.0.0" ? "" : HostIp, HostPort })),
    ] as const;
  });
  return Object.fromEntries(entries);
}

function blank(facts: SandboxFacts): SandboxRecord {
  const { containerId, name, hostname, mode, dns, dnsOptions, hostsFile, resolvConfFile } = facts;
  return {
    version: 1,
    containerId,
    containerName: name,
    hostname,
    id: "",
    open: false,
    mode,
    endpoints: [],
    ports: NO_PORTS,
    dns: { servers: dns, keepsSingleLabels: dnsOptions.some((option) => /^ndots:[1-9]/.test(option)) },
    interfaces: {},
    hostsFile,
    resolvConfFile,
    resolvConf: "",
    ...(facts.isQuiet === true ? { isQuiet: true } : {}),
  };
}
