import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { AddressSpace, DEFAULT_POOLS_V4, defaultPool, uniqueLocalPool } from "./addressSpace.ts";
import { containsSubnet, formatSubnet, overlaps, parseCidr, subnetOf } from "./subnet.ts";
import type { Subnet } from "./subnet.ts";

function subnet(text: string): Subnet {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return parsed.subnet;
}

test("address space: Docker's subnets in Docker's order, then no more", () => {
  const space = new AddressSpace(DEFAULT_POOLS_V4);
  const all = Array.from({ length: 31 }, () => formatSubnet(space.claimDefault(4, [])));
  assert.deepEqual(all.slice(0, 2), ["172.17.0.0/16", "172.18.0.0/16"]);
  assert.deepEqual(all.slice(14, 17), ["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]);
  assert.equal(all.at(-1), "192.168.240.0/20");
  assert.throws(() => space.claimDefault(4, []), {
    category: "not_found",
    message:
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
  });
  space.release(subnet("172.20.0.0/16"));
  assert.equal(formatSubnet(space.claimDefault(4, [])), "172.20.0.0/16");
});

test("address space: an explicit subnet may overlap the host's, not another network's", () => {
  const space = new AddressSpace(DEFAULT_POOLS_V4);
  space.claim(subnet("10.0.0.0/16"));
  assert.throws(() => space.claim(subnet("10.0.5.0/24")), {
    category: "permission_denied",
    message: "Pool overlaps with other one on this address space",
  });
  assert.throws(() => space.claim(subnet("10.0.0.0/8")));
  space.release(subnet("10.0.0.0/16"));
  space.claim(subnet("10.0.5.0/24"));
});

test("address space: what the host has is stepped over, whatever its size", () => {
  const space = new AddressSpace([defaultPool("192.168.0.0/16", 20)]);
  const onHost = [subnet("192.168.0.0/19"), subnet("192.168.33.0/24"), subnet("fd00::/8")];
  assert.equal(formatSubnet(space.claimDefault(4, onHost)), "192.168.48.0/20");
});

test("address space: automatic subnets lie in the pool and never overlap", () => {
  const hosts = fc.array(
    fc
      .tuple(fc.bigInt({ min: 0n, max: 0xffffn }), fc.integer({ min: 18, max: 32 }))
      .map(([low, bits]) => subnetOf({ family: 4, value: (192n << 24n) | (168n << 16n) | low }, bits)),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(hosts, (onHost) => {
      const space = new AddressSpace([defaultPool("192.168.0.0/16", 20)]);
      const given: Subnet[] = [];
      const candidates = Array.from({ length: 16 }, (_, index) => subnet(`192.168.${index * 16}.0/20`));
      const free = candidates.filter((candidate) => !onHost.some((other) => overlaps(other, candidate)));
      for (const expected of free) {
        const next = space.claimDefault(4, onHost);
        assert.deepEqual(next, expected);
        assert.ok(containsSubnet(subnet("192.168.0.0/16"), next) && !given.some((other) => overlaps(other, next)));
        given.push(next);
      }
      assert.throws(() => space.claimDefault(4, onHost));
    }),
  );
});

test("address space: IPv6 subnets are /64 of a unique local /48 that the seed decides", () => {
  const pool = uniqueLocalPool("machine");
  assert.deepEqual(pool, uniqueLocalPool("machine"));
  assert.notDeepEqual(pool, uniqueLocalPool("other"));
  const space = new AddressSpace([...DEFAULT_POOLS_V4, pool]);
  const first = space.claimDefault(6, []);
  assert.match(formatSubnet(first), /^fd[0-9a-f]{2}:.*\/64$/);
  assert.ok(!overlaps(first, space.claimDefault(6, [])));
  assert.throws(() => new AddressSpace(DEFAULT_POOLS_V4).claimDefault(6, []), { code: "ADDRESSES_EXHAUSTED" });
});
