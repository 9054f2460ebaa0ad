/** Which endpoints a sandbox has, in which order, and what each gets: decided before anything is made. */
import { randomBytes } from "node:crypto";
import type { EndpointConfig } from "#engineapi";
import { parseAddress } from "../ipam/address.ts";
import type { IpAddress, IpFamily } from "../ipam/address.ts";
import { formatAddress } from "../ipam/address.ts";
import { contains, parseCidr } from "../ipam/subnet.ts";
import { macOf, parseMac } from "../macAddress.ts";
import { BRIDGE_OPTION, isUserDefined } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";
import type { SandboxFacts } from "../networkService.ts";
import type { SandboxContext } from "./context.ts";
import type { DefaultRoutes } from "./interfaces.ts";
import type { Endpoint, EndpointAddress, LiveEndpoint, SandboxRecord } from "./sandboxRecord.ts";

const ID_BYTES = 32;
const SHORT_ID = 12;

export const newId = (): string => randomBytes(ID_BYTES).toString("hex");

/** The network that a mode means; undefined for another container's. */
export function networkOfMode(mode: string): string | undefined {
  if (mode === "default" || mode === "") return "bridge";
  return mode.startsWith("container:") ? undefined : mode;
}

/** The names that a user-defined network's containers find it by. */
export function dnsNamesOf(
  network: NetworkRecord,
  facts: Pick<SandboxFacts, "name" | "containerId" | "hostname">,
  { Aliases }: EndpointConfig,
): readonly string[] | null {
  if (!isUserDefined(network)) return null;
  const { name, containerId, hostname } = facts;
  return [...new Set([name, ...(Aliases ?? []), containerId.slice(0, SHORT_ID), hostname])];
}

/** The default network's first, then the mode's own, then as they were named. */
export function inJoiningOrder(endpoints: readonly Endpoint[], mode: string): readonly Endpoint[] {
  const own = networkOfMode(mode);
  const rank = ({ name, networkId }: Endpoint): number =>
    name === "bridge" ? 0 : name === own || networkId === own ? 1 : 2;
  return [...endpoints].sort((one, other) => rank(one) - rank(other));
}

function takeAddress(
  context: SandboxContext,
  network: NetworkRecord,
  family: IpFamily,
  config: EndpointConfig,
): EndpointAddress | undefined {
  if (!context.addressing.has(network.id, family)) return undefined;
  const text = (family === 4 ? config.IPAMConfig?.IPv4Address : config.IPAMConfig?.IPv6Address) ?? "";
  const address = context.addressing.take(network, family, text === "" ? undefined : parseAddress(text));
  return describe(context, network, address);
}

function describe(context: SandboxContext, network: NetworkRecord, address: IpAddress): EndpointAddress {
  const pool = network.pools.find(({ subnet }) => {
    const parsed = parseCidr(subnet);
    return parsed !== undefined && contains(parsed.subnet, address);
  });
  const leads = context.drivers(network.driver)?.hasGateway(network) === true;
  return {
    address: formatAddress(address),
    prefixLength: parseCidr(pool?.subnet ?? "")?.subnet.bits ?? 0,
    gateway: leads ? (pool?.gateway ?? "") : "",
  };
}

/** What an endpoint gets. Its addresses are taken; `releaseEndpoint` gives them back. */
export function allocate(
  context: SandboxContext,
  network: NetworkRecord,
  { config, interfaceName }: { readonly config: EndpointConfig; readonly interfaceName: string },
): LiveEndpoint {
  const id = newId();
  const driver = context.drivers(network.driver);
  if (driver === undefined) return { id, interface: "", hostInterface: "", mac: "" };
  const ipv4 = network.enableIPv4 === false ? undefined : takeAddress(context, network, 4, config);
  try {
    const ipv6 = network.enableIPv6 ? takeAddress(context, network, 6, config) : undefined;
    const mac = parseMac(config.MacAddress ?? "") ?? macOf(ipv4?.address);
    return {
      id,
      interface: interfaceName,
      hostInterface: driver.hasHostInterface ? `veth${id.slice(0, 7)}` : "",
      mac,
      ...(ipv4 === undefined ? {} : { ipv4 }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
    };
  } catch (error) {
    if (ipv4 !== undefined) context.addressing.give(network.id, ipv4.address);
    throw error;
  }
}

export function releaseEndpoint(context: SandboxContext, { networkId, live }: Endpoint): void {
  for (const entry of [live?.ipv4, live?.ipv6]) {
    if (entry !== undefined) context.addressing.give(networkId, entry.address);
  }
}

/** The name of the next interface on a network, and the counters after it. */
export function nextInterface(
  counters: SandboxRecord["interfaces"],
  network: NetworkRecord,
): { readonly name: string; readonly counters: SandboxRecord["interfaces"] } {
  const prefix = network.options[BRIDGE_OPTION.prefix] || "eth";
  const count = counters[prefix] ?? 0;
  return { name: `${prefix}${count}`, counters: { ...counters, [prefix]: count + 1 } };
}

/**
 * The endpoint that packets for elsewhere leave by, and that ports are published on: the highest priority, then the first by
 * name, of those that lead anywhere.
 */
export function gatewayEndpoint(endpoints: readonly Endpoint[], family: IpFamily): Endpoint | undefined {
  const leading = endpoints.filter(({ live }) => ((family === 4 ? live?.ipv4 : live?.ipv6)?.gateway ?? "") !== "");
  const priority = ({ config }: Endpoint): number => config.GwPriority ?? 0;
  return [...leading].sort(
    (one, other) => priority(other) - priority(one) || (one.name < other.name ? -1 : one.name > other.name ? 1 : 0),
  )[0];
}

export function defaultRoutes(endpoints: readonly Endpoint[]): DefaultRoutes {
  const v4 = gatewayEndpoint(endpoints, 4)?.live;
  const v6 = gatewayEndpoint(endpoints, 6)?.live;
  return { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) };
}
