import { formatAddress, parseAddress, widthOf } from "./address.ts";
import type { IpAddress, IpFamily } from "./address.ts";

/** A block of addresses: `base` has no bit set behind the first `bits`. */
export interface Subnet {
  readonly family: IpFamily;
  readonly base: bigint;
  readonly bits: number;
}

/** `10.1.2.3/24` taken apart: the address as it was written, and the block that it lies in. */
export interface AddressInSubnet {
  readonly address: IpAddress;
  readonly subnet: Subnet;
}

/** Number of addresses in a block. */
export function sizeOf(subnet: Subnet): bigint {
  return 1n << BigInt(widthOf(subnet.family) - subnet.bits);
}

/** The block of `bits` that holds the address. */
export function subnetOf(address: IpAddress, bits: number): Subnet {
  const shift = BigInt(widthOf(address.family) - bits);
  return { family: address.family, base: (address.value >> shift) << shift, bits };
}

/** `address/bits` → both parts; undefined when it is none. */
export function parseCidr(text: string): AddressInSubnet | undefined {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const tail = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(tail)) return undefined;
  const bits = Number(tail);
  return bits > widthOf(address.family) ? undefined : { address, subnet: subnetOf(address, bits) };
}

/** `10.1.2.0/24`. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ family: subnet.family, value: subnet.base })}/${subnet.bits}`;
}

/** True if the address lies in the block. */
export function contains(subnet: Subnet, address: IpAddress): boolean {
  return (
    address.family === subnet.family && address.value >= subnet.base && address.value < subnet.base + sizeOf(subnet)
  );
}

/** True if the whole of `inner` lies in `outer`. */
export function containsSubnet(outer: Subnet, inner: Subnet): boolean {
  return inner.bits >= outer.bits && contains(outer, { family: inner.family, value: inner.base });
}

/** True if the two blocks share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return containsSubnet(one, other) || containsSubnet(other, one);
}
