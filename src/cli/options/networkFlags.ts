import { aliasFlag, boolFlag, listFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { checkDns, checkDnsSearch, checkExtraHost, checkLink, isMacAddress } from "./addresses.ts";
import { parseNetworkAttachment } from "./networkAttachment.ts";
import type { NetworkAttachment } from "./networkAttachment.ts";
import { networking } from "./networking.ts";
import type { Endpoint } from "./networking.ts";
import { parsePorts } from "./ports.ts";
import type { Ports } from "./ports.ts";

type Lists =
  | "add-host"
  | "dns"
  | "dns-opt"
  | "dns-option"
  | "dns-search"
  | "expose"
  | "link"
  | "link-local-ip"
  | "net-alias"
  | "network-alias"
  | "publish";

/** Addresses, names, ports. */
export type NetworkFlags = Readonly<
  Record<Lists, Flag<readonly string[]>> &
    Record<"domainname" | "hostname" | "ip" | "ip6" | "mac-address", Flag<string>> &
    Record<"net" | "network", Flag<readonly NetworkAttachment[]>> &
    Record<"publish-all", Flag<boolean>>
>;

const network: Flag<readonly NetworkAttachment[]> = valueFlag<readonly NetworkAttachment[]>(
  "network",
  "Connect a container to a network",
  { initial: [], parse: (text, current) => [...current, parseNetworkAttachment(text)] },
);
const networkAlias = listFlag(undefined, "Add network-scoped alias for the container");
const dnsOption = listFlag(undefined, "Set DNS options");

export const NETWORK_FLAGS: NetworkFlags = {
  "add-host": listFlag(undefined, "Add a custom host-to-IP mapping (host:ip)", checkExtraHost),
  dns: listFlag(undefined, "Set custom DNS servers", checkDns),
  "dns-opt": aliasFlag(dnsOption, "dns-option"),
  "dns-option": dnsOption,
  "dns-search": listFlag(undefined, "Set custom DNS search domains", checkDnsSearch),
  domainname: stringFlag(undefined, "Container NIS domain name"),
  expose: listFlag(undefined, "Expose a port or a range of ports"),
  hostname: stringFlag("h", "Container host name"),
  ip: stringFlag(undefined, "IPv4 address (e.g., 172.30.100.104)"),
  ip6: stringFlag(undefined, "IPv6 address (e.g., 2001:db8::33)"),
  link: listFlag(undefined, "Add link to another container", checkLink),
  "link-local-ip": listFlag(undefined, "Container IPv4/IPv6 link-local addresses"),
  "mac-address": stringFlag(undefined, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
  net: aliasFlag(network, "network"),
  "net-alias": aliasFlag(networkAlias, "network-alias"),
  network,
  "network-alias": networkAlias,
  publish: listFlag("p", "Publish a container's port(s) to the host"),
  "publish-all": boolFlag("P", "Publish all exposed ports to random ports"),
};

const nullWhenEmpty = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list);

/** @throws {Error} in Docker's words. */
export function checkMacAddress(flags: FlagValues<NetworkFlags>): void {
  const address = flags["mac-address"];
  if (address !== "" && !isMacAddress(address)) throw new Error(`${address} is not a valid mac address`);
}

/** @throws {Error} in Docker's words. */
export function portsOf(flags: FlagValues<NetworkFlags>): Ports {
  return parsePorts(flags.publish, flags.expose);
}

/** The network part of HostConfig, and EndpointsConfig. @throws {Error} in Docker's words. */
export function networkSettings(
  flags: FlagValues<NetworkFlags>,
  ports: Ports,
): {
  readonly hostConfig: Readonly<Record<string, unknown>>;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
} {
  const { mode, endpoints } = networking(flags.network, {
    aliases: flags["network-alias"],
    links: flags.link,
    linkLocalIps: flags["link-local-ip"],
    ip: flags.ip,
    ip6: flags.ip6,
    macAddress: flags["mac-address"],
  });
  return {
    endpoints,
    hostConfig: {
      NetworkMode: mode,
      PortBindings: ports.bindings,
      PublishAllPorts: flags["publish-all"],
      Links: nullWhenEmpty(flags.link),
      Dns: flags.dns,
      DnsSearch: flags["dns-search"],
      DnsOptions: flags["dns-option"],
      ExtraHosts: nullWhenEmpty(flags["add-host"]),
    },
  };
}
