import { createHash } from "node:crypto";
import { noPoolLeft, poolOverlaps } from "./ipamError.ts";
import type { IpFamily } from "./address.ts";
import { formatSubnet, overlaps, parseCidr, sizeOf } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";

/** A block that is cut into subnets of `bits` for networks that do not name one. */
export interface DefaultPool {
  readonly block: Subnet;
  readonly bits: number;
}

/** One pool from text, e.g. `("172.17.0.0/16", 16)`. */
export function defaultPool(block: string, bits: number): DefaultPool {
  const parsed = parseCidr(block);
  if (parsed === undefined || bits < parsed.subnet.bits) throw new Error(`invalid default pool ${block} of /${bits}`);
  return { block: parsed.subnet, bits };
}

/** Docker's: fifteen subnets of 65,536 addresses, then sixteen of 4,096. */
export const DEFAULT_POOLS_V4: readonly DefaultPool[] = [
  ...Array.from({ length: 15 }, (_, index) => defaultPool(`172.${17 + index}.0.0/16`, 16)),
  defaultPool("192.168.0.0/16", 20),
];

/** Subnets of /64 from a unique local /48 (RFC 4193) that only depends on the seed, e.g. the machine's id. */
export function uniqueLocalPool(seed: string): DefaultPool {
  const digest = createHash("sha256").update(seed).digest();
  const groups = [0, 2, 4].map((offset) => digest.readUInt16BE(offset));
  groups[0] = 0xfd00 | ((groups[0] ?? 0) & 0xff);
  return defaultPool(`${groups.map((group) => group.toString(16)).join(":")}::/48`, 64);
}

/** Which subnets the networks of one daemon have. */
export class AddressSpace {
  readonly #pools: readonly DefaultPool[];
  readonly #claimed = new Map<string, Subnet>();

  constructor(pools: readonly DefaultPool[]) {
    this.#pools = pools;
  }

  /** @throws {permission_denied} SUBNET_IN_USE when another network has a part of it */
  claim(subnet: Subnet): void {
    for (const other of this.#claimed.values()) if (overlaps(subnet, other)) throw poolOverlaps();
    this.#claimed.set(formatSubnet(subnet), subnet);
  }

  /**
   * The first subnet of the default pools that neither a network nor the host has.
   * @param onHost what the host's routes lead to, without the default route
   * @throws {not_found} ADDRESSES_EXHAUSTED
   */
  claimDefault(family: IpFamily, onHost: readonly Subnet[]): Subnet {
    const blocked = [...this.#claimed.values(), ...onHost].filter((subnet) => subnet.family === family);
    for (const { block, bits } of this.#pools) {
      if (block.family !== family) continue;
      const found = firstGap(block, bits, blocked);
      if (found === undefined) continue;
      this.#claimed.set(formatSubnet(found), found);
      return found;
    }
    throw noPoolLeft(family);
  }

  release(subnet: Subnet): void {
    this.#claimed.delete(formatSubnet(subnet));
  }
}

/** Steps over what is blocked rather than over every candidate: a /48 has 65,536 of them. */
function firstGap(block: Subnet, bits: number, blocked: readonly Subnet[]): Subnet | undefined {
  const size = sizeOf({ family: block.family, base: block.base, bits });
  const end = block.base + sizeOf(block);
  let base = block.base;
  while (base < end) {
    const candidate: Subnet = { family: block.family, base, bits };
    const obstacle = blocked.find((subnet) => overlaps(subnet, candidate));
    if (obstacle === undefined) return candidate;
    const behind = obstacle.base + sizeOf(obstacle);
    base = behind <= base + size ? base + size : ((behind + size - 1n) / size) * size;
  }
  return undefined;
}
