import { randomBytes } from "node:crypto";
import { addressBytes, parseAddress } from "./ipam/address.ts";

/** Locally administered, as Docker's: neighbours that remember an address of ours find the same card behind it. */
const PREFIX = [0x02, 0x42];

/** `02:42` and the four bytes of an IPv4 address; random bytes without one. */
export function macOf(address: string | undefined): string {
  const parsed = address === undefined ? undefined : parseAddress(address);
  const tail = parsed?.family === 4 ? addressBytes(parsed) : randomBytes(4);
  return [...PREFIX, ...tail].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Bytes of the addresses that there are: of Ethernet, EUI-64, InfiniBand. */
const LENGTHS = [6, 8, 20];

/**
 * `02:42:ac:11:00:05`, `02-42-ac-11-00-05`, `0242.ac11.0005` → lower case with colons; undefined for anything else.
 * Addresses of 8 and 20 bytes are taken, too, as in Docker.
 */
export function parseMac(text: string): string | undefined {
  const digits = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2})*$|^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i.test(text)
    ? text.replace(/[:.-]/g, "").toLowerCase()
    : "";
  return LENGTHS.includes(digits.length / 2) ? digits.replace(/..(?!$)/g, "$&:") : undefined;
}
