import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "./address.ts";
import { AddressPool } from "./addressPool.ts";
import { parseCidr } from "./subnet.ts";
import { takeAddress } from "./takeAddress.ts";

function pool(text: string): AddressPool {
  const parsed = parseCidr(text);
  assert.ok(parsed);
  return new AddressPool(parsed.subnet);
}

test("take address: goes on to the next pool, then says that none is left", () => {
  const pools = [pool("fd00::/64"), pool("10.0.0.0/32"), pool("10.0.1.0/32")];
  const network = { name: "net", id: "0123" };
  const next = (): string => formatAddress(takeAddress(pools, { network, family: 4 }));
  assert.deepEqual([next(), next()], ["10.0.0.0", "10.0.1.0"]);
  assert.throws(next, { message: "no available IPv4 addresses on this network's address pools: net (0123)" });
  assert.equal(formatAddress(takeAddress(pools, { network, family: 6 })), "fd00::1");
});

test("take address: a wanted one comes from its own pool or not at all", () => {
  const pools = [pool("10.0.0.0/24"), pool("10.0.1.0/24")];
  const take = (text: string): string => {
    const wanted = parseAddress(text);
    assert.ok(wanted);
    return formatAddress(takeAddress(pools, { network: { name: "net", id: "0123" }, family: 4, wanted }));
  };
  assert.equal(take("10.0.1.9"), "10.0.1.9");
  assert.throws(() => take("10.0.1.9"), { message: "Address already in use" });
  assert.throws(() => take("10.0.2.9"), {
    message: "invalid address 10.0.2.9: It does not belong to any of this network's subnets",
  });
});
