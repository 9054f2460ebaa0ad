import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hasCode } from "#errors";
import { parseDecimal, parseSize, readNumber, toOwner } from "./number.ts";

const invalid = (error: unknown): boolean => hasCode(error, "INVALID_TAR");
const field = (text: string): Buffer => Buffer.from(text, "latin1");

/** Two's complement, big endian, the first bit as the base-256 mark. */
function base256(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(length * 8, value);
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = (bytes[0] ?? 0) | 0x80;
  return bytes;
}

test("readNumber: octal in every padding that writers use", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["0000644\0", 0o644],
    ["   644 \0", 0o644],
    ["644 \0\0\0\0", 0o644],
    ["\0\x00644\0\0\0", 0o644],
    ["77777777", 0o77777777],
    ["0\0\0\0\0\0\0\0", 0],
    ["        ", 0],
    ["\0\0\0\0\0\0\0\0", 0],
    ["644\x009999", 0o644],
  ];
  for (const [text, value] of cases) assert.equal(readNumber(field(text), 0, text.length), value, JSON.stringify(text));
});

test("readNumber: what is no octal digit is refused", () => {
  for (const text of ["0000648\0", "-000001\0", "0x1f\0\0\0\0", "64_4\0\0\0\0", "abc\0\0\0\0\0"]) {
    assert.throws(() => readNumber(field(text), 0, text.length), invalid, JSON.stringify(text));
  }
});

test("readNumber: reads only its own field", () => {
  assert.equal(readNumber(field("1110000012\x00999"), 3, 8), 0o12);
});

test("readNumber: any safe integer in base-256", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.constantFrom(8, 12), (value, length) => {
      assert.equal(readNumber(base256(BigInt(value), length), 0, length), value);
    }),
  );
});

test("readNumber: base-256 beyond safe integers is refused", () => {
  for (const value of [2n ** 53n, 2n ** 90n, -(2n ** 60n), -(2n ** 90n)]) {
    assert.throws(() => readNumber(base256(value, 12), 0, 12), invalid, String(value));
  }
});

test("readNumber: random fields give a safe integer or INVALID_TAR", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (bytes) => {
      try {
        assert.ok(Number.isSafeInteger(readNumber(Buffer.from(bytes), 0, 12)));
      } catch (error) {
        if (!invalid(error)) throw error;
      }
    }),
  );
});

test("parseDecimal and parseSize: decimal integers, signs only where they make sense", () => {
  assert.equal(parseDecimal("-12", "uid"), -12);
  assert.equal(parseDecimal("+12", "uid"), 12);
  assert.equal(Object.is(parseDecimal("-0", "uid"), 0), true);
  assert.equal(parseSize("9007199254740991", "size"), Number.MAX_SAFE_INTEGER);
  for (const text of ["", " 1", "1 ", "0x10", "1.0", "9007199254740992", "1e3", "٣"]) {
    assert.throws(() => parseSize(text, "size"), invalid, JSON.stringify(text));
  }
  assert.throws(() => parseSize("-1", "size"), invalid);
});

test("toOwner: 32 bits, negative ones as their two's complement", () => {
  assert.equal(toOwner(0, "uid"), 0);
  assert.equal(toOwner(2 ** 32 - 1, "uid"), 4_294_967_295);
  assert.equal(toOwner(-2, "uid"), 4_294_967_294);
  for (const value of [2 ** 32, -(2 ** 31) - 1]) assert.throws(() => toOwner(value, "uid"), invalid);
});
