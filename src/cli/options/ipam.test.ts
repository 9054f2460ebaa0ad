import assert from "node:assert/strict";
import { test } from "node:test";
import { ipamPools } from "./ipam.ts";
import type { IpamFlags, IpamPoolBody } from "./ipam.ts";

const NONE: IpamFlags = { subnets: [], ranges: [], gateways: [], auxiliary: {} };
const pools = (flags: Partial<IpamFlags>): readonly IpamPoolBody[] => ipamPools({ ...NONE, ...flags });

test("ipam flags: each value goes to the subnet that holds it", () => {
  const found = pools({
    subnets: ["10.0.0.0/24", "fd00::/64", "10.1.0.0/16"],
    ranges: ["10.1.4.0/24"],
    gateways: ["fd00::1", "10.0.0.254"],
    auxiliary: { a: "10.1.0.9", b: "fd00::9" },
  });
  assert.deepEqual(found, [
    { Subnet: "10.0.0.0/24", Gateway: "10.0.0.254" },
    { Subnet: "fd00::/64", Gateway: "fd00::1", AuxiliaryAddresses: { b: "fd00::9" } },
    { Subnet: "10.1.0.0/16", IPRange: "10.1.4.0/24", AuxiliaryAddresses: { a: "10.1.0.9" } },
  ]);
  // What is wrong with a lone subnet is for the daemon to say.
  assert.deepEqual(pools({ subnets: ["foo"] }), [{ Subnet: "foo" }]);
});

test("ipam flags: what has no subnet, or several values for one, is refused in Docker's words", () => {
  const subnets = ["10.1.0.0/16"];
  const refuses = (flags: Partial<IpamFlags>, message: string): void => assert.throws(() => pools(flags), { message });
  refuses({ gateways: ["10.0.0.1"] }, "every ip-range or gateway must have a corresponding subnet");
  refuses({ subnets: [...subnets, "10.1.0.0/24"] }, "multiple overlapping subnet configuration is not supported");
  refuses({ subnets, ranges: ["10.1.1.0"] }, "invalid CIDR address: 10.1.1.0");
  refuses({ subnets: ["10.1.0.0"], ranges: ["10.1.1.0/24"] }, "invalid subnet: invalid CIDR address: 10.1.0.0");
  refuses({ subnets, ranges: ["10.3.0.0/24"] }, "no matching subnet for range 10.3.0.0/24");
  refuses({ subnets, gateways: ["foo"] }, "no matching subnet for gateway foo");
  refuses({ subnets, auxiliary: { a: "" } }, "no matching subnet for aux-address ");
  const two = [...subnets, "10.2.0.0/16"];
  refuses(
    { subnets: two, ranges: ["10.1.1.0/24", "10.1.2.0/24"] },
    "cannot configure multiple ranges (10.1.2.0/24, 10.1.1.0/24) on the same subnet (10.1.0.0/16)",
  );
  refuses(
    { subnets: two, gateways: ["10.1.0.1", "10.1.0.2"] },
    "cannot configure multiple gateways (10.1.0.2, 10.1.0.1) for the same subnet (10.1.0.0/16)",
  );
});
