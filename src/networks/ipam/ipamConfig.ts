import { EngineError, ErrorCode } from "#errors";
import { parseAddress } from "./address.ts";
import type { IpAddress } from "./address.ts";
import { contains, formatSubnet, parseCidr } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";

/** One entry of `IPAM.Config` as it comes. */
export interface IpamConfigText {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** The same as values. */
export interface IpamConfig {
  readonly subnet: Subnet;
  readonly range?: Subnet;
  readonly gateway?: IpAddress;
  /** Addresses that containers do not get, by the name of the host that has them. */
  readonly auxiliary: ReadonlyMap<string, IpAddress>;
}

/** Go's `errors.Join` as the API shows it: alone as it is, several as a list. */
export function invalidNetworkConfig(problems: readonly string[]): EngineError {
  const [first = ""] = problems;
  const text = problems.length === 1 ? first : problems.map((problem) => `* ${problem}`).join("\n");
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid network config:\n${text}`);
}

function parseSubnet(text: string, problems: string[]): Subnet | undefined {
  const parsed = parseCidr(text);
  if (parsed === undefined) problems.push(`invalid subnet ${text}: invalid CIDR block notation`);
  else if (parsed.address.value !== parsed.subnet.base)
    problems.push(`invalid subnet ${text}: it should be ${formatSubnet(parsed.subnet)}`);
  return parsed?.subnet;
}

function parseRange(text: string, subnet: Subnet | undefined, problems: string[]): Subnet | undefined {
  const parsed = parseCidr(text);
  const refuse = (why: string): undefined => {
    problems.push(`invalid ip-range ${text}: ${why}`);
    return undefined;
  };
  if (parsed === undefined) return refuse("invalid CIDR block notation");
  const range = parsed.subnet;
  if (subnet !== undefined && subnet.family === range.family && range.bits < subnet.bits)
    return refuse(`CIDR block is bigger than its parent subnet ${formatSubnet(subnet)}`);
  if (parsed.address.value !== range.base) return refuse(`it should be ${formatSubnet(range)}`);
  if (subnet !== undefined && !contains(subnet, parsed.address))
    return refuse(`parent subnet ${formatSubnet(subnet)} doesn't contain ip-range`);
  return range;
}

function parseInside(
  text: string,
  what: string,
  subnet: Subnet | undefined,
  problems: string[],
): IpAddress | undefined {
  const address = parseAddress(text);
  if (address === undefined) problems.push(`invalid ${what}: invalid address`);
  else if (subnet !== undefined && !contains(subnet, address))
    problems.push(`invalid ${what}: parent subnet ${formatSubnet(subnet)} doesn't contain this address`);
  return address;
}

function parseOne(config: IpamConfigText, problems: string[]): IpamConfig | undefined {
  const { Subnet: subnetText = "", IPRange: rangeText = "", Gateway: gatewayText = "" } = config;
  const subnet = parseSubnet(subnetText, problems);
  const range = rangeText === "" ? undefined : parseRange(rangeText, subnet, problems);
  const gateway = gatewayText === "" ? undefined : parseInside(gatewayText, `gateway ${gatewayText}`, subnet, problems);
  const auxiliary = new Map<string, IpAddress>();
  for (const [name, text] of Object.entries(config.AuxiliaryAddresses ?? {})) {
    const address = parseInside(text, `auxiliary address ${name}`, subnet, problems);
    if (address !== undefined) auxiliary.set(name, address);
  }
  if (subnet === undefined) return undefined;
  return {
    subnet,
    ...(range === undefined ? {} : { range }),
    ...(gateway === undefined ? {} : { gateway }),
    auxiliary,
  };
}

/**
 * `IPAM.Config` → values, in the order that came. @throws {invalid_argument} `invalid network config:` and every problem
 */
export function parseIpamConfig(configs: readonly IpamConfigText[]): readonly IpamConfig[] {
  const problems: string[] = [];
  const parsed = configs.map((config) => parseOne(config, problems)).filter((config) => config !== undefined);
  if (problems.length > 0) throw invalidNetworkConfig(problems);
  return parsed;
}
