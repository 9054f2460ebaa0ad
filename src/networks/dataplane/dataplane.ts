import { readFileSync, writeFileSync } from "node:fs";
import {
  addAddress,
  bridgePort,
  deleteLink,
  findLink,
  forgetFlows,
  isErrno,
  leaveBridge,
  linkUp,
  listAddresses,
  listLinks,
  listRoutes,
  NetlinkSocket,
  newBridge,
  Nftables,
  setNetworkSysctl,
} from "#host";
import type { Link, NetlinkRequest } from "#host";
import { messageOf } from "#errors";
import { addressBytes, addressFromBytes, formatAddress, parseAddress } from "../ipam/address.ts";
import type { IpFamily } from "../ipam/address.ts";
import { subnetOf } from "../ipam/subnet.ts";
import type { Subnet } from "../ipam/subnet.ts";
import { acceptCommands, withdrawAcceptCommands } from "./foreignForward.ts";
import type { FilterFamily } from "./foreignForward.ts";
import { LegacyForward } from "./legacyForward.ts";
import { linkCommands, publishCommands, renderTable, withdrawCommands } from "./ruleset.ts";
import type { BridgeRules, LinkRule, PublishedPort } from "./ruleset.ts";

/** A bridge as it shall be. */
export interface BridgePlan {
  readonly rules: BridgeRules;
  readonly mtu: number;
  readonly mac: string;
  /** The gateways' addresses on it. */
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
  readonly ipv6: boolean;
}

/** What of the host may be changed. */
export interface DataplaneOptions {
  readonly table: string;
  readonly packetFilter: boolean;
  readonly forwarding: boolean;
  /** A bridge that is not ours to make or to remove. */
  readonly foreignBridge?: string;
}

const V4_BYTES = 4;
/** A start looks at the rules again after this long: dockerd or a firewall may have come up, or flushed everything. */
const CHECK_AT_START_MS = 2000;
/** So do we by ourselves, for the containers that run. */
const CHECK_MS = 15_000;

/** The kernel's side of bridge networks: bridges, our table, the ports in it. Everything is synchronous but removal. */
export class Dataplane {
  readonly #table: string;
  readonly #options: DataplaneOptions;
  readonly #log: (level: "warn", line: string) => void;
  readonly #bridges = new Map<string, BridgePlan>();
  readonly #ports = new Set<PublishedPort>();
  /** By what they say: two containers may link a third by the same names. */
  readonly #links = new Map<string, LinkRule>();
  readonly #legacy: LegacyForward;
  #socket: NetlinkSocket | undefined;
  #filter: Nftables | undefined;
  #checkedAt = 0;
  /** The kernel does not tell which flows there are. */
  #isBlind = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: DataplaneOptions, log: (level: "warn", line: string) => void) {
    this.#table = options.table;
    this.#options = options;
    this.#log = log;
    this.#legacy = new LegacyForward(log);
  }

  /** A netlink socket in the host's namespace. */
  get host(): NetlinkSocket {
    this.#socket ??= NetlinkSocket.open();
    return this.#socket;
  }

  get #nft(): Nftables {
    this.#filter ??= Nftables.open();
    return this.#filter;
  }

  /** What the host's routes lead to. `except`: a bridge of our own, whose subnet is free for itself. */
  hostSubnets(family: IpFamily, except?: string): readonly Subnet[] {
    const own = except === undefined ? undefined : this.findLink(except)?.index;
    return listRoutes(this.host, family)
      .filter(({ prefixLength, link }) => prefixLength > 0 && (own === undefined || link !== own))
      .map(({ address, prefixLength }) => subnetOf(addressFromBytes(address), prefixLength));
  }

  /** The first IPv4 address of a bridge, `172.17.0.1/16`; undefined when it has none. */
  addressOf({ index }: Link): string | undefined {
    const found = listAddresses(this.host, index).find(({ address }) => address.length === V4_BYTES);
    return found === undefined ? undefined : `${formatAddress(addressFromBytes(found.address))}/${found.prefixLength}`;
  }

  findLink(name: string): Link | undefined {
    try {
      return findLink(this.host, name);
    } catch (error) {
      if (isErrno(error, "ENODEV")) return undefined;
      throw error;
    }
  }

  links(): readonly Link[] {
    return listLinks(this.host);
  }

  hasBridge(name: string): boolean {
    return this.#bridges.has(name);
  }

  /** Makes a bridge and its rules, or takes up one that is there. Idempotent. */
  openBridge(plan: BridgePlan): void {
    const { bridge } = plan.rules;
    if (this.#bridges.has(bridge)) return;
    this.#makeBridge(plan);
    this.#bridges.set(bridge, plan);
    this.#watch ??= setInterval(() => this.#quietly(() => this.#check()), CHECK_MS).unref();
    try {
      this.replaceTable();
    } catch (error) {
      this.#bridges.delete(bridge);
      throw error;
    }
  }

  #makeBridge({ rules, mtu, mac, addresses, ipv6 }: BridgePlan): void {
    const { bridge } = rules;
    const known = this.findLink(bridge);
    if (known === undefined) this.host.request(newBridge(bridge, { mac, mtu }));
    const { index } = known ?? findLink(this.host, bridge);
    for (const { address, prefixLength } of addresses) {
      const parsed = parseAddress(address);
      if (parsed === undefined) continue;
      this.#idempotent(addAddress({ index, address: addressBytes(parsed), prefixLength }));
    }
    setNetworkSysctl(`ipv4/conf/${bridge}/route_localnet`, "1");
    setNetworkSysctl(`ipv6/conf/${bridge}/accept_ra`, "0");
    this.host.request(linkUp(index));
    if (!this.#options.forwarding) return;
    enableForwarding("/proc/sys/net/ipv4/ip_forward");
    if (ipv6) enableForwarding("/proc/sys/net/ipv6/conf/all/forwarding");
  }

  #idempotent(request: NetlinkRequest): void {
    try {
      this.host.request(request);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }

  /** Rules at once, the bridge itself behind our back: the kernel takes 20-50 ms. */
  async removeBridge(name: string): Promise<void> {
    if (this.#bridges.delete(name)) {
      this.replaceTable();
      this.#foreign((entries, family) => withdrawAcceptCommands(entries, name, family));
      this.#legacy.withdraw(name);
    }
    if (name !== this.#options.foreignBridge && this.findLink(name) !== undefined) await this.deleteLink(name);
  }

  /** On a socket of its own: answers must not mix with those of the shared one. */
  async deleteLink(name: string): Promise<void> {
    using socket = NetlinkSocket.open();
    try {
      await socket.requestSlowly(deleteLink(name));
    } catch (error) {
      if (!isErrno(error, "ENODEV")) throw error;
    }
  }

  /** A bridge's port after its veth was made. */
  setPort(index: number, isolated: boolean): void {
    this.host.request(bridgePort(index, { hairpin: true, isolated }));
  }

  /** Cuts a container off at once; the kernel removes the pair with its namespace. */
  unplug(interfaceName: string): void {
    const link = this.findLink(interfaceName);
    if (link !== undefined) this.host.request(leaveBridge(link.index));
  }

  publish(ports: readonly PublishedPort[]): void {
    if (!this.#options.packetFilter) return;
    if (ports.length > 0) {
      try {
        this.#nft.run(publishCommands(this.#table, ports));
      } catch {
        // Somebody flushed the whole ruleset: everything is made again from what we know.
        for (const port of ports) this.#ports.add(port);
        this.replaceTable();
      }
      for (const port of ports) this.#ports.add(port);
      this.#forgetFlows(ports);
    }
    if (performance.now() - this.#checkedAt > CHECK_AT_START_MS) this.#quietly(() => this.#check());
  }

  /** Never throws. */
  withdraw(ports: readonly PublishedPort[]): void {
    const known = ports.filter((port) => this.#ports.delete(port));
    if (known.length === 0) return;
    try {
      this.#nft.run(withdrawCommands(this.#table, known));
    } catch {
      this.#quietly(() => this.replaceTable());
    }
    this.#forgetFlows(known);
  }

  /** Lets one container reach another where their network does not. Idempotent. */
  link(rules: readonly LinkRule[]): void {
    if (!this.#options.packetFilter || rules.length === 0) return;
    for (const rule of rules) this.#links.set(JSON.stringify(rule), rule);
    try {
      this.#nft.run(linkCommands("add", this.#table, rules));
    } catch {
      this.replaceTable();
    }
  }

  /** Forgets the links from and to an address: it may be another container's soon. Never throws. */
  unlink(address: string): void {
    const gone = [...this.#links].filter(([, { from, to }]) => from === address || to === address);
    if (gone.length === 0) return;
    for (const [key] of gone) this.#links.delete(key);
    try {
      const rules = gone.map(([, rule]) => rule);
      this.#nft.run(linkCommands("delete", this.#table, rules));
    } catch {
      this.#quietly(() => this.replaceTable());
    }
  }

  /** Datagrams that flow already would go on to where they went, a container that is gone or nobody. */
  #forgetFlows(ports: readonly PublishedPort[]): void {
    const flows = ports.flatMap(({ protocol, hostPort, containerIp, containerPort }) => {
      const address = protocol === "udp" ? parseAddress(containerIp) : undefined;
      return address === undefined ? [] : [{ hostPort, target: addressBytes(address), targetPort: containerPort }];
    });
    if (flows.length === 0 || this.#isBlind) return;
    try {
      forgetFlows(flows);
    } catch (error) {
      this.#isBlind = true;
      this.#log("warn", `networks: flows to UDP ports live on, the kernel does not tell of them: ${messageOf(error)}`);
    }
  }

  /** Our table from what we know, in one transaction. */
  replaceTable(): void {
    if (!this.#options.packetFilter) return;
    const bridges = [...this.#bridges.values()].map(({ rules }) => rules);
    if (bridges.length === 0) return this.dropTable();
    this.#nft.run(renderTable(this.#table, bridges, { ports: [...this.#ports], links: [...this.#links.values()] }));
    this.acceptForeign();
  }

  /** Whether our table still stands: others may flush the whole ruleset (`nft flush ruleset`, a firewall's reload). */
  #check(): void {
    if (this.#bridges.size === 0) return;
    try {
      this.#nft.list(`list set inet ${this.#table} bridges`);
    } catch {
      return this.replaceTable();
    }
    this.acceptForeign();
  }

  dropTable(): void {
    this.#nft.run(`add table inet ${this.#table}\ndelete table inet ${this.#table}\n`);
  }

  /** Lets our bridges through a foreign FORWARD chain that drops. */
  acceptForeign(): void {
    this.#checkedAt = performance.now();
    const bridges = [...this.#bridges.keys()];
    this.#foreign((entries, family) => acceptCommands(entries, bridges, family));
    if (this.#options.packetFilter) this.#legacy.accept(bridges);
  }

  #foreign(commands: (entries: readonly unknown[], family: FilterFamily) => string): void {
    if (!this.#options.packetFilter) return;
    for (const family of ["ip", "ip6"] as const) {
      let entries: readonly unknown[];
      try {
        entries = this.#nft.list(`list chain ${family} filter FORWARD`);
      } catch {
        continue; // no such chain: nobody drops
      }
      this.#quietly(() => {
        const text = commands(entries, family);
        if (text !== "") this.#nft.run(text);
      });
    }
  }

  #quietly(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log("warn", `networks: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    this.#socket?.[Symbol.dispose]();
    this.#filter?.[Symbol.dispose]();
    this.#socket = undefined;
    this.#filter = undefined;
  }
}

function enableForwarding(path: string): void {
  try {
    if (readFileSync(path, "utf8").trim() === "0") writeFileSync(path, "1");
  } catch {
    // no such protocol, or /proc/sys is read-only: then an administrator decides
  }
}
