import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { addressBytes, addressFromBytes, formatAddress, parseAddress, sameAddress } from "./address.ts";
import type { IpAddress } from "./address.ts";

const anyAddress: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4 as const, value })),
  fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6 as const, value })),
  fc
    .array(fc.constantFrom<bigint>(0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 })
    .map((groups) => ({ family: 6 as const, value: groups.reduce<bigint>((sum, group) => (sum << 16n) | group, 0n) })),
);

test("address: text and bytes lead back to it", () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      assert.deepEqual(parseAddress(formatAddress(address)), address);
      assert.deepEqual(addressFromBytes(addressBytes(address)), address);
      assert.ok(sameAddress(address, { ...address }));
    }),
  );
});

test("address: accepts what Node accepts, and nothing else", () => {
  const pieces = fc.constantFrom(
    "0",
    "1",
    "00",
    "256",
    "255",
    ":",
    "::",
    ".",
    "f",
    "ffff",
    "fffff",
    "g",
    "1.2.3.4",
    "",
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 15 }).map((parts) => parts.join("")),
      (text) => {
        const family = parseAddress(text)?.family;
        assert.equal(family === 4, isIPv4(text), text);
        assert.equal(family === 6, isIPv6(text), text);
      },
    ),
    { numRuns: 2000 },
  );
});

test("address: IPv6 in the words of RFC 5952", () => {
  const written = (text: string): string | undefined => {
    const address = parseAddress(text);
    return address === undefined ? undefined : formatAddress(address);
  };
  assert.equal(written("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  assert.equal(written("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  assert.equal(written("0:0:0:0:0:0:0:0"), "::");
  assert.equal(written("fe80::"), "fe80::");
  assert.equal(written("::ffff:10.0.0.1"), "::ffff:10.0.0.1");
  assert.equal(written("fe80::1%eth0"), undefined);
  assert.equal(written("010.0.0.1"), undefined);
});
