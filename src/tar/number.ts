import { invalidTar } from "./tarError.ts";

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_7 = 0x37;
const BASE_256 = 0x80;
const BASE_256_NEGATIVE = 0x40;

/** A numeric header field: octal padded with spaces or NULs, or GNU base-256 (two's complement, big endian). */
export function readNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  return first >= BASE_256 ? readBase256(block, offset, length) : readOctal(block, offset, length);
}

function readOctal(block: Buffer, offset: number, length: number): number {
  const end = offset + length;
  let at = offset;
  while (at < end && isPadding(block[at])) at += 1;
  let value = 0;
  for (; at < end && !isPadding(block[at]); at += 1) {
    const digit = block[at] ?? 0;
    if (digit < DIGIT_0 || digit > DIGIT_7) throw invalidTar("a numeric field is not octal");
    value = value * 8 + (digit - DIGIT_0);
  }
  return value;
}

function isPadding(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0;
}

function readBase256(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  const negative = (first & BASE_256_NEGATIVE) !== 0;
  let value = BigInt(negative ? first - 0x100 : first & 0x7f);
  for (let at = offset + 1; at < offset + length; at += 1) value = value * 256n + BigInt(block[at] ?? 0);
  return toSafe(value);
}

function toSafe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalidTar("a number is too large");
  return number;
}

/** A decimal integer of a PAX record; a sign is allowed. */
export function parseDecimal(text: string, what: string): number {
  const value = /^[+-]?\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidTar(`PAX record ${what} is not a number`);
  return value + 0;
}

/** Not negative: a size, an offset, a count. */
export function parseSize(text: string, what: string): number {
  const value = parseDecimal(text, what);
  if (value < 0) throw invalidTar(`PAX record ${what} is negative`);
  return value;
}

/** uid or gid as the kernel's 32 bits; -2 means 4294967294, as every tar reader has it. */
export function toOwner(value: number, what: string): number {
  if (value < -(2 ** 31) || value >= 2 ** 32) throw invalidTar(`${what} is out of range`);
  return value >>> 0;
}
