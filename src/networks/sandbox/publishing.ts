import type { PortBinding, PortMap, PortRow } from "#engineapi";
import type { PublishedPort } from "../dataplane/ruleset.ts";
import type { PublishedPorts } from "../ports/hostPorts.ts";
import { portName, portRequests } from "../ports/portRequests.ts";
import { BRIDGE_OPTION } from "../networkRecord.ts";
import type { SandboxFacts } from "../networkService.ts";
import type { SandboxContext } from "./context.ts";
import { gatewayEndpoint } from "./endpoints.ts";
import { NO_PORTS } from "./sandboxRecord.ts";
import type { Endpoint, LiveEndpoint, SandboxPorts } from "./sandboxRecord.ts";

/** Ports of a sandbox that are bound on the host now; `close` gives them back. */
export interface OpenPorts {
  readonly bound: PublishedPorts | undefined;
  readonly ports: SandboxPorts;
}

/** Exposed ports alone. */
function exposedOnly(exposed: readonly string[]): SandboxPorts {
  return {
    ...NO_PORTS,
    shown: Object.fromEntries([...new Set(exposed.map(portName))].sort().map((port) => [port, null])),
  };
}

function shownPorts(facts: SandboxFacts, ports: PublishedPorts["ports"]): PortMap {
  const shown = new Map<string, readonly PortBinding[] | null>(facts.exposed.map((port) => [portName(port), null]));
  for (const { protocol, containerPort, hostIp, hostPort } of ports) {
    const key = `${containerPort}/${protocol}`;
    shown.set(key, [...(shown.get(key) ?? []), { HostIp: hostIp, HostPort: String(hostPort) }]);
  }
  return Object.fromEntries([...shown].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Which host ports the packet filter translates: those of a family that the container has an address of. */
function rulesOf(ports: PublishedPorts["ports"], { ipv4, ipv6 }: LiveEndpoint): readonly PublishedPort[] {
  return ports.flatMap(({ protocol, hostIp, hostPort, containerPort }) => {
    const containerIp = (hostIp.includes(":") ? ipv6 : ipv4)?.address;
    return containerIp === undefined ? [] : [{ protocol, hostIp, hostPort, containerIp, containerPort }];
  });
}

/**
 * Binds what a container publishes, all or nothing. Without an endpoint that leads anywhere nothing is published, as in
 * Docker. `fixed`: host ports that were chosen before and must stay, for a daemon that comes back.
 * @throws {internal} `… port is already allocated`
 */
export async function openPorts(
  context: SandboxContext,
  facts: SandboxFacts,
  endpoints: readonly Endpoint[],
  fixed?: PortMap,
): Promise<OpenPorts> {
  const endpoint = gatewayEndpoint(endpoints, 4) ?? gatewayEndpoint(endpoints, 6);
  const network = endpoint === undefined ? undefined : context.networks.byId(endpoint.networkId);
  const address = endpoint?.live?.ipv4?.address ?? endpoint?.live?.ipv6?.address;
  if (endpoint?.live === undefined || network?.driver !== "bridge" || address === undefined) {
    return { bound: undefined, ports: NO_PORTS };
  }
  const target = { name: facts.name, id: endpoint.live.id };
  const { bindings, publishAll } = facts;
  const requests =
    fixed === undefined
      ? portRequests(facts.exposed, { bindings, publishAll }, target)
      : portRequests(Object.keys(fixed), { bindings: fixed, publishAll: false }, target);
  if (requests.length === 0) return { bound: undefined, ports: exposedOnly(facts.exposed) };
  const binding = network.options[BRIDGE_OPTION.hostBinding] ?? "";
  const hostIp = binding === "0.0.0.0" ? "" : binding;
  const bound = await context.hostPorts.publish(
    { endpoint: target, address },
    requests.map((request) => (request.hostIp === "" ? { ...request, hostIp } : request)),
  );
  const rules = rulesOf(bound.ports, endpoint.live);
  return { bound, ports: { shown: shownPorts(facts, bound.ports), rules } };
}

/** Rows of `ps`. */
export function portRows(shown: PortMap): readonly PortRow[] {
  return Object.entries(shown).flatMap(([port, bindings]) => {
    const [number = "", Type = "tcp"] = port.split("/");
    const PrivatePort = Number(number);
    if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, PrivatePort, PublicPort: Number(HostPort), Type }));
  });
}
