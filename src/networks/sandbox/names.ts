import type { NameSource } from "../dns/resolver.ts";
import type { Upstream } from "../dns/forwarder.ts";
import { parseAddress, sameAddress } from "../ipam/address.ts";
import type { IpAddress } from "../ipam/address.ts";
import type { NetworkIndex } from "../catalog/networkIndex.ts";
import { isUserDefined } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import { hostResolvConf, upstreamServers } from "./resolvConf.ts";
import type { Endpoint, SandboxRecord } from "./sandboxRecord.ts";
import type { Member, SandboxStore } from "./sandboxStore.ts";

/** Names of one network, lower case. */
interface NameTable {
  readonly byName: ReadonlyMap<string, readonly IpAddress[]>;
  readonly owners: readonly { readonly address: IpAddress; readonly name: string }[];
}

function addressesOf({ endpoint }: Member): readonly IpAddress[] {
  const { ipv4, ipv6 } = endpoint.live;
  return [ipv4, ipv6]
    .map((entry) => (entry === undefined ? undefined : parseAddress(entry.address)))
    .filter((address) => address !== undefined);
}

/** Who is called what in which network; made anew after its members changed. */
export class NameTables {
  readonly #members: (networkId: string) => readonly Member[];
  readonly #tables = new Map<string, NameTable>();

  constructor(members: (networkId: string) => readonly Member[]) {
    this.#members = members;
  }

  forget(networkIds: ReadonlySet<string>): void {
    for (const id of networkIds) this.#tables.delete(id);
  }

  lookup(networkId: string, name: string): readonly IpAddress[] | undefined {
    return this.#table(networkId).byName.get(name);
  }

  reverse(networkId: string, address: IpAddress): string | undefined {
    return this.#table(networkId).owners.find((owner) => sameAddress(owner.address, address))?.name;
  }

  #table(networkId: string): NameTable {
    const known = this.#tables.get(networkId);
    if (known !== undefined) return known;
    const members = this.#members(networkId);
    const byName = new Map<string, IpAddress[]>();
    for (const member of members) {
      for (const name of new Set((member.endpoint.dnsNames ?? []).map((text) => text.toLowerCase()))) {
        byName.set(name, [...(byName.get(name) ?? []), ...addressesOf(member)]);
      }
    }
    const owners = members.flatMap((member) =>
      addressesOf(member).map((address) => ({ address, name: member.sandbox.containerName })),
    );
    const table = { byName, owners };
    this.#tables.set(networkId, table);
    return table;
  }
}

/** `container:alias` links of an endpoint: the name that an alias stands for. */
function linkTarget({ config }: Endpoint, alias: string): string | undefined {
  for (const link of config.Links ?? []) {
    const [target = "", name = target] = link.split(":", 2);
    if (name.toLowerCase() === alias) return target.toLowerCase();
  }
  return undefined;
}

interface Views {
  readonly sandboxes: Pick<SandboxStore, "get">;
  readonly networks: NetworkIndex;
  readonly tables: NameTables;
}

/** What one container may ask its DNS server by name: containers of its own user-defined networks, and its links. */
export class SandboxNames implements NameSource {
  readonly #containerId: string;
  readonly #views: Views;

  constructor(containerId: string, views: Views) {
    this.#containerId = containerId;
    this.#views = views;
  }

  get #sandbox(): SandboxRecord | undefined {
    return this.#views.sandboxes.get(this.#containerId);
  }

  #joined(): readonly { readonly endpoint: Endpoint; readonly network: NetworkRecord }[] {
    return (this.#sandbox?.endpoints ?? []).flatMap((endpoint) => {
      const network = endpoint.live === undefined ? undefined : this.#views.networks.byId(endpoint.networkId);
      return network === undefined ? [] : [{ endpoint, network }];
    });
  }

  /** A name of any of its networks, alone or with `.network` behind it. */
  lookup(name: string): readonly IpAddress[] | undefined {
    const { tables } = this.#views;
    for (const { endpoint, network } of this.#joined()) {
      if (!isUserDefined(network)) continue;
      const suffix = `.${network.name.toLowerCase()}`;
      const short = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
      const target = linkTarget(endpoint, short);
      const found = tables.lookup(network.id, target ?? short) ?? tables.lookup(network.id, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  reverse(address: IpAddress): string | undefined {
    for (const { network } of this.#joined()) {
      const name = this.#views.tables.reverse(network.id, address);
      if (name !== undefined) return `${name}.${network.name}`;
    }
    return undefined;
  }

  /** Nobody outside for a container that only has internal networks: names would tell what packets may not. */
  upstreams(): readonly Upstream[] {
    const sandbox = this.#sandbox;
    if (sandbox === undefined || this.#joined().every(({ network }) => network.internal)) return [];
    return upstreamServers(sandbox.dns.servers, hostResolvConf().conf).map((address) => ({ address, port: 53 }));
  }

  keepsSingleLabels(): boolean {
    return this.#sandbox?.dns.keepsSingleLabels ?? false;
  }
}
