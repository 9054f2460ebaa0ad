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

/** Six bytes in hexadecimal, `:` or `-` between them. */
export function isMac(text: string): boolean {
  return /^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text);
}

/** Lower case with colons. */
export function normalMac(text: string): string {
  return text.toLowerCase().replaceAll("-", ":");
}
