import { formatAddress } from "./address.ts";
import type { IpAddress, IpFamily } from "./address.ts";
import type { AddressPool } from "./addressPool.ts";
import { addressNotInNetwork, noAddressLeft } from "./ipamError.ts";
import { contains } from "./subnet.ts";

/** Who an address is for: the words of an error name the network. */
export interface AddressRequest {
  readonly network: { readonly name: string; readonly id: string };
  readonly family: IpFamily;
  readonly wanted?: IpAddress;
}

/**
 * An address from the first of a network's pools that has one.
 * @throws {unavailable} ADDRESSES_EXHAUSTED, {permission_denied} ADDRESS_IN_USE, {invalid_argument} for one of no pool
 */
export function takeAddress(pools: readonly AddressPool[], request: AddressRequest): IpAddress {
  const { network, family, wanted } = request;
  for (const pool of pools) {
    if (pool.subnet.family !== family) continue;
    if (wanted !== undefined && !contains(pool.subnet, wanted)) continue;
    const address = pool.take(wanted);
    if (address !== undefined) return address;
  }
  if (wanted !== undefined) throw addressNotInNetwork(formatAddress(wanted));
  throw noAddressLeft(family, network.name, network.id);
}
