import { addressInUse, addressOutOfRange, poolExhausted } from "./ipamError.ts";
import type { IpAddress } from "./address.ts";
import { contains, sizeOf } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";

/**
 * The addresses of one subnet. Those that nobody may have are taken from the start: of IPv4 the network's and the broadcast
 * address (not in a /31 or /32), of IPv6 the subnet-router anycast address.
 */
export class AddressPool {
  readonly subnet: Subnet;
  /** Where addresses that nobody chose come from; the whole subnet unless `range` was given. */
  readonly range: Subnet;
  readonly #taken = new Set<bigint>();
  /** Every address of the range below this one is taken: keeps a search in a full pool from starting over each time. */
  #firstFree: bigint;

  constructor(subnet: Subnet, range: Subnet = subnet) {
    this.subnet = subnet;
    this.range = range;
    this.#firstFree = range.base;
    const size = sizeOf(subnet);
    if (subnet.family === 6 || size > 2n) this.#taken.add(subnet.base);
    if (subnet.family === 4 && size > 2n) this.#taken.add(subnet.base + size - 1n);
  }

  /**
   * Takes `wanted`, or else the lowest free address of the range, as Docker does: a container that starts again usually gets
   * the address it had. Undefined when nothing is free.
   * @throws {permission_denied} ADDRESS_IN_USE, {invalid_argument} outside of the subnet
   */
  take(wanted?: IpAddress): IpAddress | undefined {
    if (wanted !== undefined) return this.#takeWanted(wanted);
    const end = this.range.base + sizeOf(this.range);
    let value = this.#firstFree;
    while (value < end && this.#taken.has(value)) value += 1n;
    this.#firstFree = value;
    if (value >= end) return undefined;
    this.#taken.add(value);
    return { family: this.subnet.family, value };
  }

  #takeWanted(wanted: IpAddress): IpAddress {
    if (!contains(this.subnet, wanted)) throw addressOutOfRange();
    if (this.full) throw poolExhausted();
    if (this.#taken.has(wanted.value)) throw addressInUse();
    this.#taken.add(wanted.value);
    return wanted;
  }

  /** True when the subnet has no free address. */
  get full(): boolean {
    return BigInt(this.#taken.size) >= sizeOf(this.subnet);
  }

  isTaken(address: IpAddress): boolean {
    return address.family === this.subnet.family && this.#taken.has(address.value);
  }

  /** Gives an address back; one that is not taken is no error. The reserved ones stay. */
  release(address: IpAddress): void {
    const size = sizeOf(this.subnet);
    if (!contains(this.subnet, address)) return;
    if ((this.subnet.family === 6 || size > 2n) && address.value === this.subnet.base) return;
    if (this.subnet.family === 4 && size > 2n && address.value === this.subnet.base + size - 1n) return;
    if (!this.#taken.delete(address.value)) return;
    if (contains(this.range, address) && address.value < this.#firstFree) this.#firstFree = address.value;
  }
}
