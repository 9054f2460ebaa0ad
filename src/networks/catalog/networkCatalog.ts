import type { EventSink, Filters, NetworkResource } from "#engineapi";
import { messageOf } from "#errors";
import { forbidden, inUse, networkExists, networkNotFound } from "../networkError.ts";
import { isPredefined, PREDEFINED, toResource } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { NetworkCatalog } from "../networkService.ts";
import type { IpFamily } from "../ipam/address.ts";
import type { Drivers } from "../drivers/drivers.ts";
import { newId } from "../sandbox/endpoints.ts";
import type { Member, SandboxStore } from "../sandbox/sandboxStore.ts";
import type { Addressing } from "./addressing.ts";
import { parseCreateRequest } from "./createRequest.ts";
import type { CreateRequest } from "./createRequest.ts";
import { listTest, pruneTest } from "./filters.ts";
import type { NetworkIndex } from "./networkIndex.ts";

/** What the catalog works with. */
export interface CatalogContext {
  readonly networks: NetworkIndex;
  readonly addressing: Addressing;
  readonly drivers: Drivers;
  readonly store: SandboxStore;
  readonly events: EventSink;
  readonly log: (level: "warn", line: string) => void;
}

function withPrefix(entry: { readonly address: string; readonly prefixLength: number } | undefined): string {
  return entry === undefined ? "" : `${entry.address}/${entry.prefixLength}`;
}

function memberOnWire({ sandbox, endpoint }: Member): NetworkResource["Containers"][string] {
  const { id, mac, ipv4, ipv6 } = endpoint.live;
  return {
    Name: sandbox.containerName,
    EndpointID: id,
    MacAddress: mac,
    IPv4Address: withPrefix(ipv4),
    IPv6Address: withPrefix(ipv6),
  };
}

function familiesOf({ enableIPv4, enableIPv6 }: CreateRequest): readonly IpFamily[] {
  return [...(enableIPv4 ? [4 as const] : []), ...(enableIPv6 ? [6 as const] : [])];
}

/** Records of networks, and what is on the host because of them. */
export class Catalog implements NetworkCatalog {
  readonly #context: CatalogContext;

  constructor(context: CatalogContext) {
    this.#context = context;
  }

  async create(body: unknown): Promise<{ readonly Id: string; readonly Warning: string }> {
    const { networks, addressing, drivers } = this.#context;
    const request = parseCreateRequest(body);
    if ([...PREDEFINED, "default"].includes(request.name)) {
      throw forbidden(`operation is not permitted on predefined ${request.name} network `);
    }
    if (networks.byName(request.name) !== undefined) throw networkExists(request.name);
    const record = this.#newRecord(this.#configured(request));
    const driver = record.configOnly ? undefined : drivers(record.driver);
    try {
      driver?.check(record);
      driver?.open(record);
    } catch (error) {
      addressing.release(record);
      throw error;
    }
    networks.put(record);
    this.#emit("create", record);
    return { Id: record.id, Warning: "" };
  }

  /** A request that takes its addresses and options from a configuration network. */
  #configured(request: CreateRequest): CreateRequest {
    if (request.configFrom === "") return request;
    const source = this.#context.networks.find(request.configFrom);
    if (source?.configOnly !== true) {
      throw forbidden(`configuration network ${JSON.stringify(request.configFrom)} does not exist`);
    }
    const { enableIPv4 = true, enableIPv6, options, labels, ipam } = source;
    return { ...request, enableIPv4, enableIPv6, options, labels, ipam: ipam.Config ?? [], ipamOptions: ipam.Options };
  }

  #newRecord(request: CreateRequest): NetworkRecord {
    const id = newId();
    const { ipam, ipamDriver, ipamOptions, ...kept } = request;
    const plan = request.configOnly
      ? { pools: [], shown: ipam, automatic: false }
      : this.#context.addressing.plan(id, ipam, familiesOf(request));
    return {
      version: 1,
      id,
      created: new Date().toISOString(),
      ...kept,
      driver: request.configOnly ? "null" : request.driver,
      ipam: { Driver: ipamDriver, Options: ipamOptions, Config: plan.shown.length === 0 ? null : plan.shown },
      pools: plan.pools,
      automatic: plan.automatic,
    };
  }

  list(filters: Filters): readonly NetworkResource[] {
    const { networks, store } = this.#context;
    const test = listTest(filters, ({ id }) => store.members(id).length > 0);
    return [...networks].filter(test).map(toResource);
  }

  inspect(reference: string, scope?: string): NetworkResource {
    const record = this.#context.networks.get(reference);
    if (scope !== undefined && scope !== record.scope) throw networkNotFound(reference);
    const members = this.#context.store.members(record.id);
    const Containers = Object.fromEntries(members.map((member) => [member.sandbox.containerId, memberOnWire(member)]));
    return { ...toResource(record), Containers };
  }

  async remove(reference: string): Promise<void> {
    const { networks, store } = this.#context;
    const record = networks.get(reference);
    if (isPredefined(record)) throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
    if (record.configOnly && [...networks].some(({ configFrom }) => configFrom === record.name)) {
      throw inUse(`error while removing network: configuration network "${record.name}" is in use`);
    }
    if (store.members(record.id).length > 0) {
      throw inUse(`error while removing network: network ${record.name} id ${record.id} has active endpoints`);
    }
    await this.#remove(record);
  }

  /** The record goes first: whoever joins meanwhile does not find the network any more. */
  async #remove(record: NetworkRecord): Promise<void> {
    const { networks, addressing, drivers, log } = this.#context;
    networks.remove(record.id);
    try {
      if (!record.configOnly) await drivers(record.driver)?.remove(record);
    } catch (error) {
      log("warn", `network ${record.name}: ${messageOf(error)}`);
    }
    addressing.release(record);
    this.#emit("destroy", record);
  }

  async prune(filters: Filters): Promise<{ readonly NetworksDeleted: readonly string[] | null }> {
    const { networks, store } = this.#context;
    const test = pruneTest(filters, Date.now());
    const unused = [...networks].filter(
      (record) => !isPredefined(record) && !record.configOnly && test(record) && store.members(record.id).length === 0,
    );
    for (const record of unused) await this.#remove(record);
    this.#context.events({ Type: "network", Action: "prune", Actor: { ID: "", Attributes: { reclaimed: "0" } } });
    return { NetworksDeleted: unused.length === 0 ? null : unused.map(({ name }) => name) };
  }

  #emit(action: "create" | "destroy", { id, name, driver }: NetworkRecord): void {
    const Actor = { ID: id, Attributes: { name, type: driver } };
    this.#context.events({ Type: "network", Action: action, Actor });
  }
}
