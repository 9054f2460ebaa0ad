import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "./address.ts";
import { parseIpamConfig } from "./ipamConfig.ts";
import type { IpamConfigText } from "./ipamConfig.ts";
import { formatSubnet } from "./subnet.ts";

const refused = (config: IpamConfigText, ...problems: readonly string[]): void =>
  assert.throws(() => parseIpamConfig([config]), {
    category: "invalid_argument",
    message: `invalid network config:\n${problems.join("\n")}`,
  });

test("ipam config: becomes values", () => {
  const [config] = parseIpamConfig([
    { Subnet: "10.0.0.0/24", IPRange: "10.0.0.64/26", Gateway: "10.0.0.254", AuxiliaryAddresses: { a: "10.0.0.9" } },
  ]);
  assert.ok(config?.range && config.gateway);
  assert.deepEqual(
    [formatSubnet(config.subnet), formatSubnet(config.range), formatAddress(config.gateway)],
    ["10.0.0.0/24", "10.0.0.64/26", "10.0.0.254"],
  );
  assert.deepEqual(
    [...config.auxiliary].map(([name, ip]) => `${name}=${formatAddress(ip)}`),
    ["a=10.0.0.9"],
  );
});

test("ipam config: one problem stands alone, in Docker's words", () => {
  const Subnet = "10.192.0.0/25";
  refused({ Subnet: "10.1.2.3/24" }, "invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24");
  refused({ Subnet: "foo" }, "invalid subnet foo: invalid CIDR block notation");
  refused({ Gateway: "10.192.0.1" }, "invalid subnet : invalid CIDR block notation");
  refused(
    { Subnet, Gateway: "10.193.0.0" },
    "invalid gateway 10.193.0.0: parent subnet 10.192.0.0/25 doesn't contain this address",
  );
  refused(
    { Subnet, IPRange: "10.193.0.0/26" },
    "invalid ip-range 10.193.0.0/26: parent subnet 10.192.0.0/25 doesn't contain ip-range",
  );
  refused(
    { Subnet, IPRange: "10.192.0.0/24" },
    "invalid ip-range 10.192.0.0/24: CIDR block is bigger than its parent subnet 10.192.0.0/25",
  );
  refused({ Subnet, IPRange: "10.192.0.3/26" }, "invalid ip-range 10.192.0.3/26: it should be 10.192.0.0/26");
  refused(
    { Subnet, AuxiliaryAddresses: { a: "10.193.0.7" } },
    "invalid auxiliary address a: parent subnet 10.192.0.0/25 doesn't contain this address",
  );
});

test("ipam config: several problems are a list", () => {
  refused(
    { Subnet: "10.192.0.1/25", IPRange: "x", Gateway: "y", AuxiliaryAddresses: { a: "z" } },
    "* invalid subnet 10.192.0.1/25: it should be 10.192.0.0/25",
    "* invalid ip-range x: invalid CIDR block notation",
    "* invalid gateway y: invalid address",
    "* invalid auxiliary address a: invalid address",
  );
});
