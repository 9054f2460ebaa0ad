import { createHash } from "node:crypto";
import { join } from "node:path";
import type { EventSink } from "#engineapi";
import type { DocumentRecords } from "#metadata";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { Addressing } from "./catalog/addressing.ts";
import { DefaultBridge } from "./catalog/defaultBridge.ts";
import { Catalog } from "./catalog/networkCatalog.ts";
import { NetworkIndex } from "./catalog/networkIndex.ts";
import { Dataplane } from "./dataplane/dataplane.ts";
import { DnsForwarder } from "./dns/forwarder.ts";
import { createDrivers } from "./drivers/drivers.ts";
import { DEFAULT_POOLS_V4, defaultPool, uniqueLocalPool } from "./ipam/addressSpace.ts";
import type { NetworkDefaults } from "./networkDefaults.ts";
import type { NetworkRecord } from "./networkRecord.ts";
import type { NetworkServices } from "./networkService.ts";
import { HostPorts } from "./ports/hostPorts.ts";
import type { SandboxContext } from "./sandbox/context.ts";
import { newId } from "./sandbox/endpoints.ts";
import { NameTables } from "./sandbox/names.ts";
import { Sandboxes } from "./sandbox/sandboxes.ts";
import { SandboxStore } from "./sandbox/sandboxStore.ts";

export interface NetworkServiceOptions {
  readonly networks: DocumentRecords;
  readonly sandboxes: DocumentRecords;
  /** Namespaces are mounted in `<execRoot>/netns`. */
  readonly execRoot: string;
  /** Names host-wide things apart from those of other daemons: the default one has plain names. */
  readonly dataRoot: string;
  readonly isDefaultRoot: boolean;
  readonly defaults: NetworkDefaults;
  readonly events: EventSink;
  readonly log: (level: "info" | "warn" | "error", line: string) => void;
}

/** Names of what the whole host sees. */
function hostNames({ dataRoot, isDefaultRoot }: NetworkServiceOptions): {
  readonly table: string;
  readonly bridge: string;
} {
  if (isDefaultRoot) return { table: "varve", bridge: "varve0" };
  const mark = createHash("sha256").update(dataRoot).digest("hex").slice(0, 8);
  return { table: `varve_${mark}`, bridge: `varve${mark}` };
}

const ADDRESSLESS = {
  version: 1,
  scope: "local",
  enableIPv6: false,
  internal: false,
  attachable: false,
  configOnly: false,
  configFrom: "",
  ipam: { Driver: "default", Options: null, Config: null },
  pools: [],
  automatic: false,
  options: {},
  labels: {},
} as const;

/** Networks of a data root. Call `sandboxes.reconcile` before a container starts, `close` at the end. */
export function createNetworkService(options: NetworkServiceOptions): NetworkServices {
  const { events, log } = options;
  const names = hostNames(options);
  const { packetFilter, forwarding, bridge } = options.defaults;
  const foreign = bridge === undefined || bridge === NO_BRIDGE ? {} : { foreignBridge: bridge };
  const dataplane = new Dataplane({ table: names.table, packetFilter, forwarding, ...foreign }, log);
  const networks = new NetworkIndex(options.networks);
  const defaults = withAddressOf(dataplane, options.defaults);
  const named = defaults.pools.map(({ base, size }) => defaultPool(base, size));
  const pools = [...(named.length > 0 ? named : DEFAULT_POOLS_V4), uniqueLocalPool(options.dataRoot)];
  const addressing = new Addressing(pools, (family) => dataplane.hostSubnets(family));
  const drivers = createDrivers(dataplane, () => networks);
  const tables: NameTables = new NameTables((id) => store.members(id));
  const store: SandboxStore = new SandboxStore(options.sandboxes, (ids) => tables.forget(ids));
  const defaultBridge = new DefaultBridge(
    { networks, addressing, dataplane },
    { bridge: bridge ?? names.bridge, defaults },
  );
  const context: SandboxContext = {
    networks,
    addressing,
    dataplane,
    drivers,
    defaultBridge,
    defaults,
    store,
    tables,
    hostPorts: new HostPorts({ passesOn: defaults.userlandProxy }),
    forwarder: new DnsForwarder(),
    events,
    log,
    namespaces: join(options.execRoot, "netns"),
  };
  settle(context);
  const sandboxes = new Sandboxes(context);
  return {
    catalog: new Catalog(context),
    sandboxes,
    close: async () => {
      await sandboxes.closeAll();
      await leaveHost(context);
      dataplane[Symbol.dispose]();
    },
  };
}

/** `--bridge none` */
export const NO_BRIDGE = "none";

/** A bridge that an administrator named has its subnet from its own address. @throws {failed_precondition} when it is not there */
function withAddressOf(dataplane: Dataplane, defaults: NetworkDefaults): NetworkDefaults {
  const { bridge } = defaults;
  if (bridge === undefined || bridge === NO_BRIDGE) return defaults;
  const link = dataplane.findLink(bridge);
  if (link === undefined) {
    const why = `bridge device with non default name ${bridge} must be created manually`;
    const message = `Error initializing network controller: error creating default "bridge" network: ${why}`;
    throw new EngineError("failed_precondition", ErrorCode.NETWORK_NOT_FOUND, message);
  }
  const address = dataplane.addressOf(link);
  return address === undefined ? defaults : { ...defaults, address };
}

/** Predefined networks exist always, but for the default one that an administrator took away; the others have their bridges from now on. */
function settle({ networks, addressing, drivers, defaultBridge, defaults, log }: SandboxContext): void {
  const fresh = (): Pick<NetworkRecord, "id" | "created"> => ({ id: newId(), created: new Date().toISOString() });
  for (const [name, driver] of [
    ["none", "null"],
    ["host", "host"],
  ] as const) {
    if (networks.byName(name) === undefined) networks.put({ ...ADDRESSLESS, ...fresh(), name, driver });
  }
  const others = [...networks].filter(
    ({ name, configOnly, pools }) => name !== "bridge" && !configOnly && pools.length > 0,
  );
  for (const network of others) addressing.restore(network);
  const bridge = networks.byName("bridge");
  if (defaults.bridge !== NO_BRIDGE) defaultBridge.settle(bridge, fresh);
  else if (bridge !== undefined) networks.remove(bridge.id);
  for (const network of others) {
    try {
      drivers(network.driver)?.open(network);
    } catch (error) {
      log("warn", `network ${network.name}: ${messageOf(error)}`);
    }
  }
}

/** What no running container needs goes with the daemon: its bridges and, with the last of them, the nft table. */
async function leaveHost({ networks, store, drivers, log }: SandboxContext): Promise<void> {
  for (const network of networks) {
    if (store.members(network.id).length > 0 || network.configOnly) continue;
    try {
      await drivers(network.driver)?.remove(network);
    } catch (error) {
      log("warn", `network ${network.name}: ${messageOf(error)}`);
    }
  }
}
