import type { HostConfig } from "../request/hostConfig.ts";

const ENDPOINT = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: "",
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  DriverOpts: null,
  DNSNames: null,
} as const;

/** `Networks` of inspect and list: the network that was asked for, without addresses. */
export function networksOf({ NetworkMode }: HostConfig): Readonly<Record<string, object>> {
  return { [NetworkMode === "default" ? "bridge" : NetworkMode]: ENDPOINT };
}

/** `NetworkSettings` of inspect. */
export function networkSettings(hostConfig: HostConfig): Readonly<Record<string, unknown>> {
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: "",
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: "",
    Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    MacAddress: "",
    Networks: networksOf(hostConfig),
  };
}
