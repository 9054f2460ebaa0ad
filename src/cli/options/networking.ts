import { isMacAddress } from "./addresses.ts";
import type { NetworkAttachment } from "./networkAttachment.ts";
import { plainAttachment } from "./networkAttachment.ts";

/** What older flags (`--ip`, `--network-alias` …) say about the first network. */
export interface FirstNetworkFlags {
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly linkLocalIps: readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly macAddress: string;
}

/** EndpointSettings as Go writes it: fields of a running endpoint are there and empty. */
export type Endpoint = Readonly<Record<string, unknown>>;

const DAEMON_FIELDS: Endpoint = {
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

const BUILT_IN = new Set(["default", "bridge", "host", "none"]);

function isUserDefined(target: string): boolean {
  return !BUILT_IN.has(target) && !target.startsWith("container:");
}

const isEmpty = (value: string | readonly string[]): boolean => value.length === 0;

function refuseBoth(attachment: NetworkAttachment, flags: FirstNetworkFlags): void {
  const pairs: readonly (readonly [keyof FirstNetworkFlags, flag: string, own: string])[] = [
    ["aliases", "--network-alias", "alias"],
    ["links", "--link", "links"],
    ["ip", "--ip", "IPv4 address"],
    ["ip6", "--ip6", "IPv6 address"],
    ["macAddress", "--mac-address", "MAC address"],
    ["linkLocalIps", "--link-local-ip", "link-local IP addresses"],
  ];
  for (const [key, flag, own] of pairs) {
    if (!isEmpty(attachment[key]) && !isEmpty(flags[key])) {
      throw new Error(`conflicting options: cannot specify both ${flag} and per-network ${own}`);
    }
  }
}

function withFlags(attachment: NetworkAttachment, flags: FirstNetworkFlags): NetworkAttachment {
  refuseBoth(attachment, flags);
  const list = (own: readonly string[], flag: readonly string[]): readonly string[] => (isEmpty(flag) ? own : flag);
  return {
    ...attachment,
    aliases: list(attachment.aliases, flags.aliases),
    // On the default bridge a link is the container's, not the endpoint's.
    links: isUserDefined(attachment.target) ? list(attachment.links, flags.links) : attachment.links,
    linkLocalIps: list(attachment.linkLocalIps, flags.linkLocalIps),
    ip: flags.ip || attachment.ip,
    ip6: flags.ip6 || attachment.ip6,
    macAddress: flags.macAddress || attachment.macAddress,
  };
}

function checkAttachment({ target, aliases, links, macAddress }: NetworkAttachment): void {
  if (target.trim() === "") throw new Error("no name set for network");
  if (!isUserDefined(target)) {
    if (!isEmpty(aliases)) throw new Error("network-scoped aliases are only supported for user-defined networks");
    if (!isEmpty(links)) throw new Error("links are only supported for user-defined networks");
  }
  if (macAddress !== "" && !isMacAddress(macAddress)) throw new Error(`${macAddress} is not a valid mac address`);
}

function addressesOf({ ip, ip6, linkLocalIps }: NetworkAttachment): Endpoint | null {
  if (ip === "" && ip6 === "" && isEmpty(linkLocalIps)) return null;
  return {
    ...(ip === "" ? {} : { IPv4Address: ip }),
    ...(ip6 === "" ? {} : { IPv6Address: ip6 }),
    ...(isEmpty(linkLocalIps) ? {} : { LinkLocalIPs: linkLocalIps }),
  };
}

/** One network of a container → what the API takes. @throws {Error} in Docker's words. */
export function toEndpoint(attachment: NetworkAttachment): Endpoint {
  checkAttachment(attachment);
  const { links, aliases, macAddress, driverOptions, gatewayPriority } = attachment;
  return {
    IPAMConfig: addressesOf(attachment),
    Links: isEmpty(links) ? null : links,
    Aliases: isEmpty(aliases) ? null : aliases,
    MacAddress: macAddress,
    DriverOpts: Object.keys(driverOptions).length === 0 ? null : driverOptions,
    GwPriority: gatewayPriority,
    ...DAEMON_FIELDS,
  };
}

const isDefaultEndpoint = (endpoint: Endpoint): boolean =>
  Object.values(endpoint).every((value) => value === null || value === "" || value === 0);

/** NetworkMode and EndpointsConfig of a container. @throws {Error} in Docker's words. */
export function networking(
  attachments: readonly NetworkAttachment[],
  flags: FirstNetworkFlags,
): { readonly mode: string; readonly endpoints: Readonly<Record<string, Endpoint>> } {
  if (isEmpty(attachments.map(({ target }) => target))) {
    return { mode: "default", endpoints: { default: toEndpoint(withFlags(plainAttachment("default"), flags)) } };
  }
  const endpoints: Record<string, Endpoint> = {};
  for (const [index, attachment] of attachments.entries()) {
    const endpoint = toEndpoint(index === 0 ? withFlags(attachment, flags) : attachment);
    if (Object.hasOwn(endpoints, attachment.target)) {
      throw new Error(`network "${attachment.target}" is specified multiple times`);
    }
    // A lone network with nothing to say about it is only named, as older daemons know it.
    if (attachments.length > 1 || !isDefaultEndpoint(endpoint)) endpoints[attachment.target] = endpoint;
  }
  const own = attachments.filter(({ target }) => isUserDefined(target)).length;
  if (own > 0 && own < attachments.length) {
    throw new Error("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  }
  return { mode: attachments[0]?.target ?? "default", endpoints };
}
