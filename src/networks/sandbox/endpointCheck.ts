import type { EndpointConfig } from "#engineapi";
import { parseAddress } from "../ipam/address.ts";
import { contains, parseCidr } from "../ipam/subnet.ts";
import { parseMac } from "../macAddress.ts";
import { badRequest, invalidEndpoint } from "../networkError.ts";
import { isUserDefined } from "../networkRecord.ts";
import type { NetworkRecord } from "../networkRecord.ts";

const PREDEFINED_MODES = ["default", "bridge", "host", "none"];

const ON_USER_NETWORKS = "user specified IP address is supported on user defined networks only";
const ON_USER_SUBNETS =
  "user specified IP address is supported only when connecting to networks with user configured subnets";

function addressProblems(text: string, family: 4 | 6, network: NetworkRecord | undefined): readonly string[] {
  if (text === "") return [];
  const address = parseAddress(text);
  const problems = address?.family === family ? [] : [`invalid IPv${family} address: ${text}`];
  if (network === undefined) return problems;
  const subnets = network.pools.filter(({ subnet }) => subnet.includes(":") === (family === 6));
  // The default network's subnet is configured to Docker, by the daemon.
  if ((network.automatic && isUserDefined(network)) || subnets.length === 0) return [...problems, ON_USER_SUBNETS];
  const inside = subnets.some(({ subnet }) => {
    const parsed = parseCidr(subnet);
    return parsed !== undefined && address !== undefined && contains(parsed.subnet, address);
  });
  return inside ? problems : [...problems, `no configured subnet or ip-range contain the IP address ${text}`];
}

/**
 * Docker's checks of what was asked of one endpoint. `network` absent: it does not exist yet, which only a start notices.
 * @throws {invalid_argument} `invalid endpoint settings:` and every problem; `prefix` stands before it
 */
export function checkEndpoint(
  name: string,
  network: NetworkRecord | undefined,
  config: EndpointConfig,
  prefix = "",
): void {
  const { IPv4Address = "", IPv6Address = "", LinkLocalIPs = [] } = config.IPAMConfig ?? {};
  const isUser = network === undefined ? !PREDEFINED_MODES.includes(name) : isUserDefined(network);
  const problems = [
    ...(!isUser && (IPv4Address !== "" || IPv6Address !== "") ? [ON_USER_NETWORKS] : []),
    ...(!isUser && (config.Aliases ?? []).length > 0
      ? ["network-scoped alias is supported only for containers in user defined networks"]
      : []),
    ...addressProblems(IPv4Address, 4, network),
    ...addressProblems(IPv6Address, 6, network),
    ...LinkLocalIPs.filter((text) => parseAddress(text) === undefined).map(
      (text) => `invalid link-local IP address: ${text}`,
    ),
  ];
  const { MacAddress = "" } = config;
  // Alone, whatever else is wrong.
  if (MacAddress !== "" && parseMac(MacAddress) === undefined) {
    throw badRequest(`${prefix}invalid MAC address ${MacAddress}`);
  }
  if (problems.length > 0) throw invalidEndpoint(problems, prefix);
}
