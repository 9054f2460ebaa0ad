import type { EndpointSettings } from "#engineapi";
import type { SandboxSettings } from "../networkService.ts";
import type { Endpoint, EndpointAddress, LiveEndpoint, SandboxRecord } from "./sandboxRecord.ts";

const NO_ADDRESS: EndpointAddress = { address: "", prefixLength: 0, gateway: "" };
const NOT_LIVE: LiveEndpoint = { id: "", interface: "", hostInterface: "", mac: "" };

/** `isNew`: it has never run; until then inspect shows the MAC address that was asked for. */
function endpointSettings(endpoint: Endpoint, isNew: boolean): EndpointSettings {
  const { networkId, config, dnsNames, live = NOT_LIVE } = endpoint;
  const { ipv4 = NO_ADDRESS, ipv6 = NO_ADDRESS } = live;
  return {
    IPAMConfig: config.IPAMConfig ?? null,
    Links: config.Links ?? null,
    Aliases: config.Aliases ?? null,
    MacAddress: isNew ? (config.MacAddress ?? "") : live.mac,
    DriverOpts: config.DriverOpts ?? null,
    NetworkID: networkId,
    EndpointID: live.id,
    Gateway: ipv4.gateway,
    IPAddress: ipv4.address,
    IPPrefixLen: ipv4.prefixLength,
    IPv6Gateway: ipv6.gateway,
    GlobalIPv6Address: ipv6.address,
    GlobalIPv6PrefixLen: ipv6.prefixLength,
    DNSNames: dnsNames,
    GwPriority: config.GwPriority ?? 0,
  };
}

/** What inspect shows; `key` is the path of the namespace, empty before the first run. */
export function sandboxSettings(sandbox: SandboxRecord | undefined, key: string): SandboxSettings {
  const endpoints = [...(sandbox?.endpoints ?? [])].sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    SandboxID: sandbox?.id ?? "",
    SandboxKey: key,
    Ports: sandbox?.ports.shown ?? {},
    Networks: Object.fromEntries(
      endpoints.map((endpoint) => [endpoint.name, endpointSettings(endpoint, sandbox?.id === "")]),
    ),
  };
}
