/** The two families of addresses; the number is also the one in names like `IPv4`. */
export type IpFamily = 4 | 6;

/** One address: `value` is the address as an unsigned number of 32 or 128 bits. */
export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** Bits of an address. */
export function widthOf(family: IpFamily): number {
  return family === 4 ? 32 : 128;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // A leading zero is refused, as Go does: some programs read it as octal.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseGroups(text: string): readonly bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const tail = index === parts.length - 1 ? parseV4(part) : undefined;
      if (tail === undefined) return undefined;
      groups.push(tail >> 16n, tail & 0xffffn);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === undefined || tail === undefined) return undefined;
  // An embedded IPv4 address may only stand at the very end.
  if (halves.length === 2 && (halves[0] ?? "").includes(".")) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const zeros: readonly bigint[] = Array.from({ length: missing }, () => 0n);
  return [...head, ...zeros, ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

/** `10.0.0.1` or `fd00::1` → an address; undefined when it is none. No zone; `::ffff:1.2.3.4` stays an IPv6 address. */
export function parseAddress(text: string): IpAddress | undefined {
  const family = text.includes(":") ? 6 : 4;
  const value = family === 6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family, value };
}

function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  if (value >> 32n === 0xffffn) return `::ffff:${formatAddress({ family: 4, value: value & 0xffffffffn })}`;
  let best = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === "0") length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

/** The address as text; IPv6 as RFC 5952 says: lower case, the longest run of zeros as `::`. */
export function formatAddress(address: IpAddress): string {
  if (address.family === 6) return formatV6(address.value);
  return [24n, 16n, 8n, 0n].map((shift) => String((address.value >> shift) & 0xffn)).join(".");
}

/** The address in network byte order: 4 or 16 bytes. */
export function addressBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(widthOf(address.family) / 8);
  let rest = address.value;
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** 4 or 16 bytes in network order → an address. */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** True if both are the same address. */
export function sameAddress(one: IpAddress, other: IpAddress): boolean {
  return one.family === other.family && one.value === other.value;
}
