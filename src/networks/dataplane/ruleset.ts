/**
 * The one nft table that is ours, as text for libnftables (nft(8)). It is rendered whole and replaced in one transaction
 * when a network comes or goes; published ports alone are added to and deleted from its maps.
 */

/** A bridge as the packet filter sees it. */
export interface BridgeRules {
  readonly bridge: string;
  /** `172.18.0.0/16`, `fd00::/64` */
  readonly subnets: readonly string[];
  /** No way out, no way in. */
  readonly internal: boolean;
  readonly icc: boolean;
  readonly masquerade: boolean;
}

export type Protocol = "tcp" | "udp" | "sctp";

/** Where packets for a port of the host go. Both addresses are of one family. */
export interface PublishedPort {
  readonly protocol: Protocol;
  /** `0.0.0.0` and `::` mean any address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
}

/** A port of one container that another one may reach although their network lets nobody. IPv4. */
export interface LinkRule {
  readonly protocol: Protocol;
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

const isV6 = (address: string): boolean => address.includes(":");
const isAny = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** Which map a port stands in: by family, and whether it is for one address of the host. */
function mapOf({ hostIp }: PublishedPort): string {
  return `ports${isV6(hostIp) ? 6 : 4}${isAny(hostIp) ? "" : "_at"}`;
}

function keyOf({ protocol, hostIp, hostPort }: PublishedPort): string {
  return `${isAny(hostIp) ? "" : `${hostIp} . `}${protocol} . ${hostPort}`;
}

const elementOf = (port: PublishedPort): string => `${keyOf(port)} : ${port.containerIp} . ${port.containerPort}`;

function byMap(ports: readonly PublishedPort[]): ReadonlyMap<string, readonly PublishedPort[]> {
  return Map.groupBy(ports, mapOf);
}

/** Adds ports to the table. Empty for none. */
export function publishCommands(table: string, ports: readonly PublishedPort[]): string {
  return [...byMap(ports)]
    .map(([map, some]) => `add element inet ${table} ${map} { ${some.map(elementOf).join(", ")} }\n`)
    .join("");
}

/** Takes ports away. */
export function withdrawCommands(table: string, ports: readonly PublishedPort[]): string {
  return [...byMap(ports)]
    .map(([map, some]) => `delete element inet ${table} ${map} { ${some.map(keyOf).join(", ")} }\n`)
    .join("");
}

const linkOf = ({ protocol, from, to, port }: LinkRule): string => `${from} . ${to} . ${protocol} . ${port}`;

/** Adds links to the table, or takes them away. Empty for none. */
export function linkCommands(act: "add" | "delete", table: string, links: readonly LinkRule[]): string {
  return links.length === 0 ? "" : `${act} element inet ${table} links { ${links.map(linkOf).join(", ")} }\n`;
}

function linkSet(links: readonly LinkRule[]): string {
  const elements = links.length === 0 ? "" : `\n    elements = { ${links.map(linkOf).join(", ")} }`;
  return `  set links {\n    type ipv4_addr . ipv4_addr . inet_proto . inet_service${elements}\n  }\n`;
}

function map(name: string, type: string, ports: readonly PublishedPort[]): string {
  const elements = ports.length === 0 ? "" : `\n    elements = { ${ports.map(elementOf).join(", ")} }`;
  return `  map ${name} {\n    type ${type}${elements}\n  }\n`;
}

function portMaps(ports: readonly PublishedPort[]): string {
  const grouped = byMap(ports);
  return [
    ["ports4", "inet_proto . inet_service : ipv4_addr . inet_service"],
    ["ports4_at", "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"],
    ["ports6", "inet_proto . inet_service : ipv6_addr . inet_service"],
    ["ports6_at", "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service"],
  ]
    .map(([name = "", type = ""]) => map(name, type, grouped.get(name) ?? []))
    .join("");
}

function masqueradeRules({ bridge, subnets, internal, masquerade }: BridgeRules): readonly string[] {
  if (internal) return [];
  return [
    ...subnets.flatMap((subnet) => {
      const source = `${isV6(subnet) ? "ip6" : "ip"} saddr ${subnet}`;
      return [
        ...(masquerade ? [`${source} oifname != "${bridge}" masquerade`] : []),
        // A container that goes to a published port of its own network: the answer must come back through us.
        `${source} oifname "${bridge}" ct status dnat masquerade`,
      ];
    }),
    // From the host's loopback: no container could answer to that address.
    `ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`,
  ];
}

function forwardRules({ bridge, internal, icc }: BridgeRules): readonly string[] {
  return [
    `iifname "${bridge}" oifname "${bridge}" ${icc ? "accept" : "drop"}`,
    ...(internal ? [`iifname "${bridge}" drop`] : []),
  ];
}

const lines = (rules: readonly string[]): string => rules.map((rule) => `    ${rule}\n`).join("");

/**
 * The whole table, replacing one that is there. What is published on the loopback address is reached from the host only:
 * packets from elsewhere for 127/8 are not translated, and containers cannot reach the host's 127/8 although their bridges
 * route it (`route_localnet`). IPv6 has no such routing: `::1` is left to the proxy.
 */
export function renderTable(
  table: string,
  bridges: readonly BridgeRules[],
  { ports, links }: { readonly ports: readonly PublishedPort[]; readonly links: readonly LinkRule[] },
): string {
  const names = bridges.map(({ bridge }) => `"${bridge}"`).join(", ");
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
${portMaps(ports)}${linkSet(links)}  set bridges {
    type ifname${names === "" ? "" : `\n    elements = { ${names} }`}
  }
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
  }
  chain publish {
    meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @ports4_at
    meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports4
    meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at
    meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ip daddr 127.0.0.0/8 return
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
${lines(bridges.flatMap(masqueradeRules))}  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    oifname @bridges ct status dnat accept
    ip saddr . ip daddr . meta l4proto . th dport @links accept
${lines(bridges.flatMap(forwardRules))}    iifname @bridges oifname != @bridges accept
    oifname @bridges drop
  }
}
`;
}
