import { BlockList, isIP } from "node:net";

/** `--subnet`, `--ip-range`, `--gateway`, `--aux-address` as they were given. */
export interface IpamFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** One entry of `IPAM.Config`. */
export interface IpamPoolBody {
  readonly Subnet: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

interface Pool {
  readonly subnet: string;
  range: string;
  gateway: string;
  readonly auxiliary: Record<string, string>;
}

interface Block {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

function parseBlock(text: string): Block {
  const slash = text.indexOf("/");
  const [address, bits] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  const family = isIP(address);
  const width = family === 6 ? 128 : 32;
  if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > width) throw new Error(`invalid CIDR address: ${text}`);
  return { address, bits: Number(bits), family: family === 6 ? "ipv6" : "ipv4" };
}

function subnetBlock(text: string): Block {
  try {
    return parseBlock(text);
  } catch (cause) {
    throw new Error(`invalid subnet: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
}

/** Whether the address, or the one in front of its slash, lies in the subnet. What is no address lies nowhere. */
function holds(subnet: string, data: string): boolean {
  const { address, bits, family } = subnetBlock(subnet);
  const wanted = data.includes("/") ? parseBlock(data).address : data;
  const kind = isIP(wanted);
  if (kind === 0 || (kind === 6) !== (family === "ipv6")) return false;
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list.check(wanted, family);
}

function poolsOf(subnets: readonly string[]): readonly Pool[] {
  const pools: Pool[] = [];
  for (const subnet of subnets) {
    if (pools.some((other) => holds(subnet, other.subnet) || holds(other.subnet, subnet)))
      throw new Error("multiple overlapping subnet configuration is not supported");
    pools.push({ subnet, range: "", gateway: "", auxiliary: {} });
  }
  return pools;
}

/** Gives every value to the pools that hold it. */
function assign(pools: readonly Pool[], text: string, what: string, give: (pool: Pool) => void): void {
  const holders = pools.filter(({ subnet }) => holds(subnet, text));
  if (holders.length === 0) throw new Error(`no matching subnet for ${what} ${text}`);
  for (const pool of holders) give(pool);
}

/**
 * Which range, gateway and reserved address belongs to which subnet. @throws {Error} in Docker's words
 */
export function ipamPools(flags: IpamFlags): readonly IpamPoolBody[] {
  const { subnets, ranges, gateways, auxiliary } = flags;
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new Error("every ip-range or gateway must have a corresponding subnet");
  const pools = poolsOf(subnets);
  for (const range of ranges) {
    parseBlock(range);
    assign(pools, range, "range", (pool) => {
      if (pool.range !== "")
        throw new Error(
          `cannot configure multiple ranges (${range}, ${pool.range}) on the same subnet (${pool.subnet})`,
        );
      pool.range = range;
    });
  }
  for (const gateway of gateways) {
    assign(pools, gateway, "gateway", (pool) => {
      if (pool.gateway !== "")
        throw new Error(
          `cannot configure multiple gateways (${gateway}, ${pool.gateway}) for the same subnet (${pool.subnet})`,
        );
      pool.gateway = gateway;
    });
  }
  for (const [name, address] of Object.entries(auxiliary))
    assign(pools, address, "aux-address", (pool) => {
      pool.auxiliary[name] = address;
    });
  return pools.map(({ subnet, range, gateway, auxiliary: kept }) => ({
    Subnet: subnet,
    ...(range === "" ? {} : { IPRange: range }),
    ...(gateway === "" ? {} : { Gateway: gateway }),
    ...(Object.keys(kept).length === 0 ? {} : { AuxiliaryAddresses: kept }),
  }));
}
