import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "./address.ts";
import type { IpAddress } from "./address.ts";
import { AddressPool } from "./addressPool.ts";
import { contains, parseCidr } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";

function subnet(text: string): Subnet {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return parsed.subnet;
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return parsed;
}

function takeAll(pool: AddressPool): readonly string[] {
  const all: string[] = [];
  for (let one = pool.take(); one !== undefined; one = pool.take()) all.push(formatAddress(one));
  return all;
}

test("address pool: gives every address but the network's and the broadcast one", () => {
  assert.deepEqual(
    takeAll(new AddressPool(subnet("10.0.0.0/29"))),
    [1, 2, 3, 4, 5, 6].map((last) => `10.0.0.${last}`),
  );
  assert.deepEqual(takeAll(new AddressPool(subnet("10.0.0.8/31"))), ["10.0.0.8", "10.0.0.9"]);
  assert.deepEqual(takeAll(new AddressPool(subnet("10.0.0.8/32"))), ["10.0.0.8"]);
  assert.deepEqual(takeAll(new AddressPool(subnet("fd00::/126"))), ["fd00::1", "fd00::2", "fd00::3"]);
});

test("address pool: takes from the range, or what is asked for anywhere in the subnet", () => {
  const pool = new AddressPool(subnet("10.0.0.0/24"), subnet("10.0.0.128/31"));
  assert.equal(formatAddress(pool.take(address("10.0.0.7")) ?? address("::")), "10.0.0.7");
  assert.deepEqual(takeAll(pool), ["10.0.0.128", "10.0.0.129"]);
  assert.throws(() => pool.take(address("10.0.0.7")), {
    message: "Address already in use",
    category: "permission_denied",
  });
  assert.throws(() => pool.take(address("10.0.0.0")), { message: "Address already in use" });
  assert.throws(() => pool.take(address("10.0.0.255")), { message: "Address already in use" });
  assert.throws(() => pool.take(address("10.0.1.7")), { code: "BAD_REQUEST" });
});

test("address pool: a full one says so to those who ask for an address", () => {
  const pool = new AddressPool(subnet("10.0.0.0/30"));
  takeAll(pool);
  assert.ok(pool.full);
  assert.throws(() => pool.take(address("10.0.0.2")), { message: "no available addresses on this pool" });
});

test("address pool: never gives an address twice, always the lowest free one", () => {
  const step = fc.oneof(
    fc.constant({ kind: "take" as const, last: 0 }),
    fc.nat(31).map((last) => ({ kind: "want" as const, last })),
    fc.nat(31).map((last) => ({ kind: "release" as const, last })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const pool = new AddressPool(subnet("10.0.0.0/27"), subnet("10.0.0.8/29"));
      const reserved = new Set([0, 31]);
      const taken = new Set<number>(reserved);
      for (const { kind, last } of steps) {
        const wanted = address(`10.0.0.${last}`);
        if (kind === "release") {
          pool.release(wanted);
          if (!reserved.has(last)) taken.delete(last);
        } else if (kind === "want") {
          if (taken.has(last)) assert.throws(() => pool.take(wanted));
          else pool.take(wanted);
          taken.add(last);
        } else {
          const free = [8, 9, 10, 11, 12, 13, 14, 15].find((candidate) => !taken.has(candidate));
          const got = pool.take();
          assert.equal(got && formatAddress(got), free === undefined ? undefined : `10.0.0.${free}`);
          if (got !== undefined) assert.ok(contains(pool.range, got) && pool.isTaken(got));
          if (free !== undefined) taken.add(free);
        }
        assert.equal(pool.full, taken.size === 32);
      }
    }),
  );
});
