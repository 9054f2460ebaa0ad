import type { EndpointSettings } from "#engineapi";
import type { SandboxSettings } from "#networks";

/** What old clients read beside `Networks`: the endpoint on the default network. */
function onDefaultNetwork(endpoint: EndpointSettings | undefined): Readonly<Record<string, unknown>> {
  return {
    EndpointID: endpoint?.EndpointID ?? "",
    Gateway: endpoint?.Gateway ?? "",
    GlobalIPv6Address: endpoint?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: endpoint?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: endpoint?.IPAddress ?? "",
    IPPrefixLen: endpoint?.IPPrefixLen ?? 0,
    IPv6Gateway: endpoint?.IPv6Gateway ?? "",
    MacAddress: endpoint?.MacAddress ?? "",
  };
}

/** `NetworkSettings` of inspect. */
export function networkSettings(settings: SandboxSettings): Readonly<Record<string, unknown>> {
  const { SandboxID, SandboxKey, Ports, Networks } = settings;
  return {
    Bridge: "",
    SandboxID,
    SandboxKey,
    Ports,
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...onDefaultNetwork(Networks["bridge"]),
    Networks,
  };
}
