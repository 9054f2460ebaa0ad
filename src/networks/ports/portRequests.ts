import type { PortMap } from "#engineapi";
import { invalidPort } from "./portError.ts";

export type PortProtocol = "tcp" | "udp" | "sctp";

/** Both ends belong to it. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** One port of a container that shall be reachable at the host. */
export interface PortRequest {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  /** Empty: every address of the host, IPv4 and IPv6. */
  readonly hostIp: string;
  /** The first free one is taken; absent: any port of the host's ephemeral range. */
  readonly hostPorts?: PortRange;
}

function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port > 65_535 ? undefined : port;
}

/** `8080` or `8000-8010`; undefined for an empty text and for 0: any. @throws {invalid_argument} */
export function parseHostPorts(text: string): PortRange | undefined {
  if (text === "") return undefined;
  const [first = "", last = first, ...more] = text.split("-");
  const [from, to] = [parsePort(first), parsePort(last)];
  if (from === undefined || to === undefined || more.length > 0 || to < from) throw invalidPort(text);
  return to === 0 ? undefined : { from, to };
}

/** `80/tcp`, `53/udp`, `80` (tcp). @throws {invalid_argument} */
export function parseContainerPort(text: string): Pick<PortRequest, "protocol" | "containerPort"> {
  const [number = "", protocol = "tcp", ...more] = text.toLowerCase().split("/");
  const containerPort = parsePort(number);
  if (containerPort === undefined || more.length > 0) throw invalidPort(text);
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") throw invalidPort(text);
  return { protocol, containerPort };
}

/**
 * What `PortBindings`, `PublishAllPorts` and the exposed ports ask for together, in the order of ports. Chosen ports come
 * before any port, so that no random choice takes what another line names. @throws {invalid_argument}
 */
export function portRequests(
  exposed: readonly string[],
  bindings: PortMap,
  publishAll: boolean,
): readonly PortRequest[] {
  const requests: PortRequest[] = [];
  for (const [port, entries] of Object.entries(bindings)) {
    const container = parseContainerPort(port);
    for (const { HostIp, HostPort } of entries ?? []) {
      const hostPorts = parseHostPorts(HostPort);
      requests.push({ ...container, hostIp: HostIp, ...(hostPorts === undefined ? {} : { hostPorts }) });
    }
  }
  if (publishAll)
    for (const port of exposed) {
      const container = parseContainerPort(port);
      const { protocol, containerPort } = container;
      if (!requests.some((one) => one.protocol === protocol && one.containerPort === containerPort))
        requests.push({ ...container, hostIp: "" });
    }
  return requests.sort(
    (one, other) =>
      widthOf(one.hostPorts) - widthOf(other.hostPorts) ||
      one.containerPort - other.containerPort ||
      one.protocol.localeCompare(other.protocol),
  );
}

function widthOf(range: PortRange | undefined): number {
  return range === undefined ? 65_536 : range.to - range.from;
}
