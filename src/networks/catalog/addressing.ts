import type { IpamPool } from "#engineapi";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { formatAddress, parseAddress } from "../ipam/address.ts";
import type { IpAddress, IpFamily } from "../ipam/address.ts";
import { AddressPool } from "../ipam/addressPool.ts";
import { AddressSpace } from "../ipam/addressSpace.ts";
import type { DefaultPool } from "../ipam/addressSpace.ts";
import { parseIpamConfig } from "../ipam/ipamConfig.ts";
import type { IpamConfig } from "../ipam/ipamConfig.ts";
import { formatSubnet, parseCidr } from "../ipam/subnet.ts";
import type { Subnet } from "../ipam/subnet.ts";
import { takeAddress } from "../ipam/takeAddress.ts";
import type { NetworkPool, NetworkRecord } from "../networkRecord.ts";

/** What a new network wants of addresses. */
export interface AddressPlan {
  readonly pools: readonly NetworkPool[];
  readonly shown: readonly IpamPool[];
  readonly automatic: boolean;
}

interface PlannedPool {
  readonly pool: AddressPool;
  readonly config: IpamConfig;
  readonly gateway: IpAddress;
}

function describe({ pool, config, gateway }: PlannedPool): NetworkPool {
  return {
    subnet: formatSubnet(pool.subnet),
    gateway: formatAddress(gateway),
    ...(config.range === undefined ? {} : { range: formatSubnet(config.range) }),
    auxiliary: Object.fromEntries([...config.auxiliary].map(([name, address]) => [name, formatAddress(address)])),
  };
}

/** @throws {internal} `failed to allocate gateway (10.0.0.0): Address already in use` */
function reserve(pool: AddressPool, address: IpAddress, what: string): IpAddress {
  try {
    return pool.take(address) ?? address;
  } catch (cause) {
    const message = `failed to allocate ${what}${formatAddress(address)}): ${messageOf(cause)}`;
    throw new EngineError("internal", ErrorCode.ADDRESS_IN_USE, message, { cause });
  }
}

/** The gateway is the first address of the pool unless it is named, as in Docker: of the range, if there is one. */
function openPool(config: IpamConfig): PlannedPool {
  const pool = new AddressPool(config.subnet, config.range);
  for (const [name, address] of config.auxiliary) reserve(pool, address, `secondary ip address (${name}:`);
  const gateway = config.gateway === undefined ? pool.take() : reserve(pool, config.gateway, "gateway (");
  if (gateway === undefined) throw new Error(`${formatSubnet(config.subnet)} has no address for a gateway`);
  return { pool, config, gateway };
}

/** Text of a record; a record that does not parse is our own bug. */
function required<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`a network record has the address ${text}`);
  return value;
}

/** Which addresses the networks of this daemon have, and who has them. */
export class Addressing {
  readonly #space: AddressSpace;
  readonly #pools = new Map<string, readonly AddressPool[]>();
  readonly #hostSubnets: (family: IpFamily) => readonly Subnet[];

  constructor(pools: readonly DefaultPool[], hostSubnets: (family: IpFamily) => readonly Subnet[]) {
    this.#space = new AddressSpace(pools);
    this.#hostSubnets = hostSubnets;
  }

  /**
   * Claims the subnets of a new network: those it names, else one of the default pools.
   * @throws {invalid_argument} {permission_denied} {not_found} in Docker's words; then nothing is claimed
   */
  plan(id: string, wanted: readonly IpamPool[], families: readonly IpFamily[]): AddressPlan {
    const named = parseIpamConfig(wanted);
    const missing = families.filter((family) => !named.some(({ subnet }) => subnet.family === family));
    const claimed: Subnet[] = [];
    try {
      for (const { subnet } of named) {
        this.#space.claim(subnet);
        claimed.push(subnet);
      }
      const chosen = missing.map((family): IpamConfig => {
        const subnet = this.#space.claimDefault(family, this.#hostSubnets(family));
        claimed.push(subnet);
        return { subnet, auxiliary: new Map() };
      });
      const opened = [...named, ...chosen].map(openPool);
      this.#pools.set(
        id,
        opened.map(({ pool }) => pool),
      );
      const pools = opened.map(describe);
      const shown = [
        ...wanted,
        ...pools.slice(named.length).map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
      ];
      return { pools, shown, automatic: named.length === 0 };
    } catch (error) {
      for (const subnet of claimed) this.#space.release(subnet);
      throw error;
    }
  }

  /** Takes a recorded network up again. */
  restore({ id, pools }: NetworkRecord): void {
    const opened = pools.map(({ subnet, gateway, range, auxiliary }) => {
      const block = required(parseCidr(subnet), subnet).subnet;
      const pool = new AddressPool(block, range === undefined ? block : required(parseCidr(range), range).subnet);
      for (const text of [...Object.values(auxiliary), gateway]) pool.take(required(parseAddress(text), text));
      this.#space.claim(block);
      return pool;
    });
    this.#pools.set(id, opened);
  }

  release({ id }: Pick<NetworkRecord, "id">): void {
    for (const { subnet } of this.#pools.get(id) ?? []) this.#space.release(subnet);
    this.#pools.delete(id);
  }

  has(id: string, family: IpFamily): boolean {
    return (this.#pools.get(id) ?? []).some(({ subnet }) => subnet.family === family);
  }

  /** An address of a network. @throws {unavailable} {permission_denied} {invalid_argument} */
  take(network: NetworkRecord, family: IpFamily, wanted?: IpAddress): IpAddress {
    return takeAddress(this.#pools.get(network.id) ?? [], {
      network,
      family,
      ...(wanted === undefined ? {} : { wanted }),
    });
  }

  /** Of an address that somebody has already: takes it if it is free. */
  retake(networkId: string, text: string): void {
    const address = parseAddress(text);
    if (address === undefined) return;
    const pool = (this.#pools.get(networkId) ?? []).find(({ subnet }) => subnet.family === address.family);
    if (pool !== undefined && !pool.isTaken(address)) pool.take(address);
  }

  give(networkId: string, text: string): void {
    const address = parseAddress(text);
    if (address === undefined) return;
    for (const pool of this.#pools.get(networkId) ?? []) pool.release(address);
  }
}
