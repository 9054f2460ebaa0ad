/** What an administrator sets for all networks of a daemon. */
export interface NetworkDefaults {
  /** A bridge that is there, for the default network; `none`: there is no such network. Absent: a bridge of our own. */
  readonly bridge?: string;
  /** `172.17.0.1/16`: the default bridge's own address and subnet; absent: chosen. */
  readonly address?: string;
  /** `172.17.1.0/24`: where addresses of its containers come from; absent: the whole subnet. */
  readonly range?: string;
  /** `2001:db8:1::/64`: the default network has IPv6, and this subnet; absent: it has none. */
  readonly subnetV6?: string;
  /** What `host-gateway` means; absent: the default bridge's address. */
  readonly hostGateway?: string;
  /** Subnets for networks that name none; empty: Docker's. */
  readonly pools: readonly { readonly base: string; readonly size: number }[];
  /** For containers that say nothing themselves; empty: the host's. */
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** Where ports of the default network are published. */
  readonly publishAddress: string;
  /** False: no rules at all; ports are reached through proxies only, and nothing leaves by masquerading. */
  readonly packetFilter: boolean;
  /** False: the kernel's forwarding is left as it is. */
  readonly forwarding: boolean;
  readonly masquerade: boolean;
  readonly icc: boolean;
  readonly mtu: number;
  /** False: the packet filter alone passes on what comes to published ports; they are only held. */
  readonly userlandProxy: boolean;
}

export const DOCKER_DEFAULTS: NetworkDefaults = {
  pools: [],
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
  publishAddress: "0.0.0.0",
  packetFilter: true,
  forwarding: true,
  masquerade: true,
  icc: true,
  mtu: 1500,
  userlandProxy: true,
};
