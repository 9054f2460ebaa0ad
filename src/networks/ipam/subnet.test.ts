import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress } from "./address.ts";
import { contains, containsSubnet, formatSubnet, overlaps, parseCidr, sizeOf, subnetOf } from "./subnet.ts";

const anySubnet = fc.oneof(
  fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.nat(32))
    .map(([value, bits]) => subnetOf({ family: 4, value }, bits)),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.nat(128))
    .map(([value, bits]) => subnetOf({ family: 6, value }, bits)),
);

test("subnet: text leads back to it", () => {
  fc.assert(
    fc.property(anySubnet, (subnet) => {
      const parsed = parseCidr(formatSubnet(subnet));
      assert.deepEqual(parsed?.subnet, subnet);
      assert.equal(parsed?.address.value, subnet.base);
    }),
  );
});

test("subnet: holds its first and last address and not those beside them", () => {
  fc.assert(
    fc.property(anySubnet, (subnet) => {
      const { family, base } = subnet;
      const end = base + sizeOf(subnet);
      assert.ok(contains(subnet, { family, value: base }) && contains(subnet, { family, value: end - 1n }));
      assert.ok(!contains(subnet, { family, value: end }) && !contains(subnet, { family, value: base - 1n }));
    }),
  );
});

test("subnet: two overlap exactly when one holds the other", () => {
  fc.assert(
    fc.property(anySubnet, anySubnet, (one, other) => {
      const shared =
        one.family === other.family && one.base < other.base + sizeOf(other) && other.base < one.base + sizeOf(one);
      assert.equal(overlaps(one, other), shared);
      assert.equal(overlaps(other, one), shared);
      assert.equal(containsSubnet(one, other) && containsSubnet(other, one), shared && one.bits === other.bits);
    }),
  );
});

test("subnet: keeps the address that stood in the text, refuses what is no block", () => {
  const parsed = parseCidr("10.1.2.3/24");
  assert.equal(
    parsed && `${formatAddress(parsed.address)} in ${formatSubnet(parsed.subnet)}`,
    "10.1.2.3 in 10.1.2.0/24",
  );
  for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "/8", "x/8", "::/129"])
    assert.equal(parseCidr(text), undefined, text);
});
