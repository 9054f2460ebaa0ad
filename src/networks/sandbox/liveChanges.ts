import type { EndpointConfig } from "#engineapi";
import { messageOf } from "#errors";
import { deleteLink, NetlinkSocket } from "#host";
import { badRequest, endpointError } from "../networkError.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { SandboxFacts } from "../networkService.ts";
import type { SandboxContext } from "./context.ts";
import { checkEndpoint } from "./endpointCheck.ts";
import { allocate, defaultRoutes, dnsNamesOf, gatewayEndpoint, nextInterface, releaseEndpoint } from "./endpoints.ts";
import { plug, setDefaultRoutes } from "./interfaces.ts";
import type { Namespace } from "./interfaces.ts";
import { resolvConfOf, updateHosts, updateResolvConf } from "./sandboxFiles.ts";
import type { Endpoint, SandboxRecord } from "./sandboxRecord.ts";

const HOST_STAYS = "container cannot be disconnected from host network or connected to host network";

/** What the sandboxes do for a change. */
interface Home {
  openNetwork(reference: string): NetworkRecord;
  within<T>(sandbox: SandboxRecord, work: (namespace: Namespace) => T): T;
  republish(facts: SandboxFacts, sandbox: SandboxRecord): Promise<SandboxRecord>;
  openDns(sandbox: SandboxRecord): Promise<void>;
  emit(action: "connect" | "disconnect", sandbox: SandboxRecord, endpoint: Endpoint): void;
}

/** Networks that a container joins and leaves after it was created, running or not. */
export class LiveChanges {
  readonly #context: SandboxContext;
  readonly #home: Home;

  constructor(context: SandboxContext, home: Home) {
    this.#context = context;
    this.#home = home;
  }

  #sandbox({ containerId }: SandboxFacts): SandboxRecord {
    const sandbox = this.#context.store.get(containerId);
    if (sandbox === undefined) throw new Error(`container ${containerId} has no sandbox`);
    return sandbox;
  }

  async connect(reference: string, facts: SandboxFacts, config: EndpointConfig): Promise<void> {
    const network = this.#context.networks.get(reference);
    const sandbox = this.#sandbox(facts);
    this.#refuse(facts, sandbox, network);
    checkEndpoint(network.name, network, config);
    if (sandbox.endpoints.some(({ name }) => name === network.name)) {
      // A container that does not run keeps what it was told first.
      if (!sandbox.open) return;
      throw endpointError(`endpoint with name ${facts.name} already exists in network ${network.name}`);
    }
    const endpoint: Endpoint = {
      name: network.name,
      networkId: "",
      config: { IPAMConfig: {}, Aliases: [], DriverOpts: {}, ...config },
      dnsNames: dnsNamesOf(network, facts, config),
    };
    if (sandbox.open) await this.#join(facts, sandbox, endpoint);
    else this.#context.store.put({ ...sandbox, endpoints: [...sandbox.endpoints, endpoint] });
  }

  /** What cannot go together. */
  #refuse({ mode }: SandboxFacts, { endpoints }: SandboxRecord, network: NetworkRecord): void {
    if (mode.startsWith("container:") || mode === "host") {
      throw badRequest(
        "container sharing network namespace with another container or host cannot be connected to any other network",
      );
    }
    if (network.driver === "host") throw endpointError(HOST_STAYS);
    const others = endpoints.filter(({ name }) => name !== network.name);
    const isPrivate = ({ name }: Pick<Endpoint, "name">): boolean => name === "none";
    if (others.some(isPrivate) || (isPrivate(network) && others.length > 0)) {
      throw endpointError(
        "container cannot be connected to multiple networks with one of the networks in private (none) mode",
      );
    }
  }

  async #join(facts: SandboxFacts, sandbox: SandboxRecord, wanted: Endpoint): Promise<void> {
    const { store, drivers, dataplane } = this.#context;
    const network = this.#home.openNetwork(wanted.name);
    const driver = drivers(network.driver);
    const { name: interfaceName, counters } = nextInterface(sandbox.interfaces, network);
    const live = allocate(this.#context, network, { config: wanted.config, interfaceName });
    const endpoint: Endpoint = {
      ...wanted,
      networkId: network.id,
      dnsNames: dnsNamesOf(network, facts, wanted.config),
      live,
    };
    const endpoints = [...sandbox.endpoints, endpoint];
    try {
      this.#home.within(sandbox, (namespace) => {
        const linkLocal = wanted.config.IPAMConfig?.LinkLocalIPs ?? [];
        // The network `none` has no driver: to be on it is to have nothing.
        if (driver !== undefined) plug(namespace, dataplane, { network, driver, live, linkLocal });
        setDefaultRoutes(namespace, defaultRoutes(sandbox.endpoints), defaultRoutes(endpoints));
      });
    } catch (error) {
      releaseEndpoint(this.#context, endpoint);
      throw error;
    }
    store.put({ ...sandbox, endpoints, interfaces: driver === undefined ? sandbox.interfaces : counters });
    updateHosts(facts, { joined: endpoint });
    await this.#settle(facts, sandbox.endpoints);
    this.#home.emit("connect", sandbox, endpoint);
  }

  /** After the endpoints changed: ports move with the gateway, names need a server. */
  async #settle(facts: SandboxFacts, before: readonly Endpoint[]): Promise<void> {
    const { store } = this.#context;
    let sandbox = this.#sandbox(facts);
    if (!sandbox.open) return; // its container ended while the kernel removed an interface
    if (gatewayEndpoint(before, 4)?.live?.id !== gatewayEndpoint(sandbox.endpoints, 4)?.live?.id) {
      sandbox = await this.#home.republish(facts, sandbox);
    }
    if (!sandbox.open) return;
    const text = resolvConfOf(this.#context, facts, sandbox.endpoints);
    store.put({ ...sandbox, resolvConf: updateResolvConf(sandbox, text) });
    await this.#home.openDns(sandbox);
  }

  async disconnect(reference: string, facts: SandboxFacts, _force: boolean): Promise<void> {
    const { networks, store } = this.#context;
    const network = networks.get(reference);
    const sandbox = this.#sandbox(facts);
    if (sandbox.open && facts.mode === "host" && network.driver === "host") throw endpointError(HOST_STAYS);
    const endpoint = sandbox.endpoints.find((other) => other.name === network.name || other.networkId === network.id);
    if (endpoint === undefined) {
      const which = sandbox.open || sandbox.mode.startsWith("container:") ? "network" : "the network";
      throw endpointError(`container ${facts.containerId} is not connected to ${which} ${network.name}`);
    }
    const endpoints = sandbox.endpoints.filter((other) => other !== endpoint);
    if (sandbox.open) await this.#leave(facts, sandbox, { endpoint, network });
    else {
      store.put({ ...sandbox, endpoints });
      this.#home.emit("disconnect", sandbox, { ...endpoint, name: network.name, networkId: network.id });
    }
  }

  async #leave(
    facts: SandboxFacts,
    sandbox: SandboxRecord,
    { endpoint, network }: { readonly endpoint: Endpoint; readonly network: NetworkRecord },
  ): Promise<void> {
    const { store, dataplane, drivers } = this.#context;
    const endpoints = sandbox.endpoints.filter((other) => other !== endpoint);
    const name = endpoint.live?.interface ?? "";
    store.put({ ...sandbox, endpoints });
    if (drivers(network.driver) !== undefined && name !== "") {
      // The socket stays in the container's namespace while the pool's thread waits for the kernel.
      const socket = this.#home.within(sandbox, (namespace) => {
        setDefaultRoutes(namespace, defaultRoutes(sandbox.endpoints), defaultRoutes(endpoints));
        return NetlinkSocket.open();
      });
      if (endpoint.live?.hostInterface) dataplane.unplug(endpoint.live.hostInterface);
      try {
        await socket.requestSlowly(deleteLink(name));
      } catch (error) {
        this.#context.log("warn", `container ${facts.containerId}: ${messageOf(error)}`);
      } finally {
        socket[Symbol.dispose]();
      }
    }
    releaseEndpoint(this.#context, endpoint);
    updateHosts(facts, { left: endpoint });
    await this.#settle(facts, sandbox.endpoints);
    this.#home.emit("disconnect", sandbox, endpoint);
  }
}
