import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withConfigFile } from "./configFile.ts";
import { parseFlags } from "./flags.ts";
import { toDaemonOptions } from "./options.ts";

test("network options: Docker's defaults when nothing is given", () => {
  const { networks } = toDaemonOptions({});
  assert.deepEqual(networks, {
    pools: [],
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    publishAddress: "0.0.0.0",
    packetFilter: true,
    forwarding: true,
    masquerade: true,
    icc: true,
    userlandProxy: true,
    mtu: 1500,
  });
});

test("network options: IPv6 and bridge of the default network, in dockerd's words", () => {
  const of = (...flags: readonly string[]): ReturnType<typeof toDaemonOptions>["networks"] =>
    toDaemonOptions(parseFlags(flags)).networks;
  assert.equal(of("--ipv6", "--fixed-cidr-v6=2001:db8:1::/64").subnetV6, "2001:db8:1::/64");
  assert.equal(of("--fixed-cidr-v6=2001:db8:1::/64").subnetV6, undefined);
  assert.equal(of("--userland-proxy=false").userlandProxy, false);
  for (const [flags, message] of [
    [
      ["-b", "br0", "--bip=10.5.0.1/24"],
      "You specified -b & --bip, mutually exclusive options. Please specify only one",
    ],
    [
      ["--ipv6"],
      "Error initializing network controller: IPv6 is enabled for the default bridge, but no subnet is configured. Specify an IPv6 subnet using --fixed-cidr-v6",
    ],
    [["--ipv6", "--fixed-cidr-v6=foo"], "invalid fixed-cidr-v6: invalid CIDR address: foo"],
    [["--fixed-cidr-v6=10.0.0.0/8"], "invalid fixed-cidr-v6: fixed-cidr-v6 is not an IPv6 subnet"],
  ] as const) {
    assert.throws(() => of(...flags), { message, code: "INVALID_FLAG" });
  }
});

test("network options: flags", () => {
  const flags = parseFlags([
    "--bip=10.5.0.1/24",
    "--fixed-cidr=10.5.0.128/25",
    "--default-address-pool=base=10.10.0.0/16,size=24",
    "--default-address-pool=base=10.11.0.0/16,size=26",
    "--dns=1.1.1.1",
    "--icc=false",
    "--iptables=false",
    "--mtu=1400",
    "--ip=127.0.0.1",
  ]);
  const { networks } = toDaemonOptions(flags);
  assert.deepEqual([networks.address, networks.range, networks.mtu], ["10.5.0.1/24", "10.5.0.128/25", 1400]);
  assert.deepEqual(networks.pools, [
    { base: "10.10.0.0/16", size: 24 },
    { base: "10.11.0.0/16", size: 26 },
  ]);
  assert.deepEqual(
    [networks.dns, networks.icc, networks.packetFilter, networks.publishAddress],
    [["1.1.1.1"], false, false, "127.0.0.1"],
  );
});

test("network options: daemon.json spells pools as objects", async () => {
  const folder = await mkdtemp(join(tmpdir(), "varve-options-"));
  const path = join(folder, "daemon.json");
  const read = async (content: object): Promise<ReturnType<typeof toDaemonOptions>["networks"]> => {
    await writeFile(path, JSON.stringify(content));
    return toDaemonOptions(await withConfigFile(parseFlags([`--config-file=${path}`]))).networks;
  };
  const networks = await read({ "default-address-pools": [{ base: "10.0.0.0/8", size: 24 }], "dns-opts": ["ndots:2"] });
  assert.deepEqual([networks.pools, networks.dnsOptions], [[{ base: "10.0.0.0/8", size: 24 }], ["ndots:2"]]);
  await assert.rejects(read({ "default-address-pools": ["10.0.0.0/8"] }), { code: "INVALID_FLAG" });
  await assert.rejects(read({ bip: "nonsense" }), { message: "invalid CIDR address: nonsense" });
  await assert.rejects(read({ "default-address-pools": [{ base: "10.0.0.0/24", size: 16 }] }), {
    code: "INVALID_FLAG",
  });
  await rm(folder, { recursive: true });
});
