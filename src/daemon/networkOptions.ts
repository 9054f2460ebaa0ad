import type { EngineConfig } from "#engine";
import { isIP } from "node:net";
import { EngineError, ErrorCode } from "#errors";

/** Settings of networks, in Docker's spelling. Defaults of flags are "true" unless the help says otherwise. */
export const NETWORK_SETTINGS = {
  bridge: {
    kind: "text",
    flag: "bridge",
    short: "b",
    key: "bridge",
    help: 'A bridge that is there, for the default network; "none": no such network',
  },
  bip: { kind: "text", flag: "bip", key: "bip", help: "IP address and subnet of the default bridge, 172.17.0.1/16" },
  fixedCidr: {
    kind: "text",
    flag: "fixed-cidr",
    key: "fixed-cidr",
    help: "Where containers' addresses on it come from",
  },
  addressPools: {
    kind: "pools",
    flag: "default-address-pool",
    key: "default-address-pools",
    help: "Subnets for networks that name none, base=10.10.0.0/16,size=24",
  },
  dns: { kind: "list", flag: "dns", key: "dns", help: "DNS servers of containers" },
  dnsOptions: { kind: "list", flag: "dns-opt", key: "dns-opts", help: "DNS options of containers" },
  dnsSearch: { kind: "list", flag: "dns-search", key: "dns-search", help: "DNS search domains of containers" },
  hostGateway: { kind: "text", flag: "host-gateway-ip", key: "host-gateway-ip", help: "What host-gateway means" },
  publishAddress: {
    kind: "text",
    flag: "ip",
    key: "ip",
    help: 'Address that ports are published on (default "0.0.0.0")',
  },
  packetFilter: { kind: "flag", flag: "iptables", key: "iptables", help: "Set packet filter rules (default true)" },
  forwarding: { kind: "flag", flag: "ip-forward", key: "ip-forward", help: "Let the kernel forward (default true)" },
  masquerade: { kind: "flag", flag: "ip-masq", key: "ip-masq", help: "Masquerade the default network (default true)" },
  icc: {
    kind: "flag",
    flag: "icc",
    key: "icc",
    help: "Containers of the default network reach each other (default true)",
  },
  ipv6: { kind: "flag", flag: "ipv6", key: "ipv6", help: "The default network has IPv6, too" },
  fixedCidrV6: {
    kind: "text",
    flag: "fixed-cidr-v6",
    key: "fixed-cidr-v6",
    help: "IPv6 subnet of the default network, 2001:db8:1::/64",
  },
  userlandProxy: {
    kind: "flag",
    flag: "userland-proxy",
    key: "userland-proxy",
    help: "Pass on what the packet filter cannot bring to published ports (default true)",
  },
  mtu: { kind: "number", flag: "mtu", key: "mtu", help: "MTU of the default network (default 1500)" },
} as const;

const V6_BITS = 128;

type NetworkSetting = keyof typeof NETWORK_SETTINGS;

const bad = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message);

/** `base=10.10.0.0/16,size=24`. @throws {invalid_argument} INVALID_FLAG */
function parsePool(text: string): { readonly base: string; readonly size: number } {
  const fields = new Map(text.split(",").map((field) => field.split(/=(.*)/s, 2) as [string, string | undefined]));
  const base = fields.get("base") ?? "";
  const size = Number(fields.get("size"));
  if (!/^[0-9a-fA-F.:]+\/\d+$/.test(base) || !Number.isInteger(size) || size < Number(base.replace(/^.*\//, ""))) {
    throw bad(`invalid default address pool: ${text}`);
  }
  return { base, size };
}

/** `--ipv6` and its subnet, which has no effect alone, as in Docker. @throws {invalid_argument} INVALID_FLAG */
function subnetV6(enabled: boolean, text: string): { readonly subnetV6?: string } {
  const [address = "", bits = ""] = text.split(/\/(.*)/s, 2);
  if (text !== "" && (isIP(address) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > V6_BITS)) {
    throw bad(`invalid fixed-cidr-v6: invalid CIDR address: ${text}`);
  }
  if (text !== "" && isIP(address) === 4) throw bad("invalid fixed-cidr-v6: fixed-cidr-v6 is not an IPv6 subnet");
  if (!enabled) return {};
  if (text !== "") return { subnetV6: text };
  throw bad(
    "Error initializing network controller: IPv6 is enabled for the default bridge, but no subnet is configured. Specify an IPv6 subnet using --fixed-cidr-v6",
  );
}

/** What was given of networks. @throws {invalid_argument} INVALID_FLAG */
export function toNetworkDefaults(given: Readonly<Partial<Record<NetworkSetting, unknown>>>): EngineConfig["networks"] {
  const text = (name: NetworkSetting): string => {
    const value = given[name];
    return typeof value === "string" ? value : "";
  };
  const texts = (name: NetworkSetting): readonly string[] => {
    const value = given[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const flag = (name: NetworkSetting): boolean => given[name] !== false;
  const cidr = (name: NetworkSetting): string => {
    const value = text(name);
    if (value !== "" && !/^[0-9.]+\/\d+$/.test(value)) throw bad(`invalid CIDR address: ${value}`);
    return value;
  };
  const mtu = given.mtu ?? 1500;
  if (typeof mtu !== "number" || mtu < 0) throw bad(`invalid MTU number: ${JSON.stringify(mtu)}`);
  const [bip, range, hostGateway] = [cidr("bip"), cidr("fixedCidr"), text("hostGateway")];
  const bridge = text("bridge");
  if (bridge !== "" && bip !== "")
    throw bad("You specified -b & --bip, mutually exclusive options. Please specify only one");
  if (range !== "" && bip === "" && bridge === "") throw bad("fixed-cidr needs bip: the subnet that it is a part of");
  return {
    ...(bridge === "" ? {} : { bridge }),
    ...(bip === "" ? {} : { address: bip }),
    ...(range === "" ? {} : { range }),
    ...subnetV6(given.ipv6 === true, text("fixedCidrV6")),
    ...(hostGateway === "" ? {} : { hostGateway }),
    pools: texts("addressPools").map(parsePool),
    dns: texts("dns"),
    dnsOptions: texts("dnsOptions"),
    dnsSearch: texts("dnsSearch"),
    publishAddress: text("publishAddress") || "0.0.0.0",
    packetFilter: flag("packetFilter"),
    forwarding: flag("forwarding"),
    masquerade: flag("masquerade"),
    icc: flag("icc"),
    userlandProxy: flag("userlandProxy"),
    mtu: mtu === 0 ? 1500 : mtu,
  };
}
