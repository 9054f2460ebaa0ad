import type { PortBinding, PortMap } from "#engineapi";
import { formatAddress, parseAddress } from "../ipam/address.ts";
import { invalidPort, invalidRange, invalidTransport } from "./portError.ts";
import type { EndpointName } from "./portError.ts";

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

const MAX_PORT = 65_535;

/** The number of a port, leading zeros and all; undefined: it is none. */
function parsePort(text: string): number | undefined {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return port <= MAX_PORT ? port : undefined;
}

/**
 * `port/protocol` as Docker splits it: `80` and `80/` are tcp, what follows a second slash is not looked at, and where no
 * port stands there is no protocol either.
 */
export function splitPort(text: string): { readonly port: string; readonly protocol: string } {
  const [port = "", protocol = ""] = text.split("/");
  if (port === "") return { port, protocol: "" };
  return { port, protocol: protocol === "" ? "tcp" : protocol };
}

/**
 * `8080`, `8000-8010`, what follows a second dash is not looked at; undefined: any, for an empty text and for 0.
 * @throws {invalid_argument}
 */
export function parseHostPorts(text: string): PortRange | undefined {
  const { port } = splitPort(text);
  if (port === "") return undefined;
  const [first = "", last = first] = port.split("-");
  const [from, to] = [parsePort(first), parsePort(last)];
  if (from === undefined || to === undefined || to < from) throw invalidPort(text);
  return to === 0 ? undefined : { from, to };
}

/** What is not a transport to Docker has the number that it gives it, or 0. */
export type ExposedProtocol = PortProtocol | "icmp" | "0";

const PROTOCOLS: readonly ExposedProtocol[] = ["tcp", "udp", "sctp", "icmp"];

/** A key of `ExposedPorts`. Nothing is refused: what is no port is 0. */
export function parseContainerPort(text: string): {
  readonly protocol: ExposedProtocol;
  readonly containerPort: number;
} {
  const { port, protocol } = splitPort(text);
  return {
    protocol: PROTOCOLS.find((known) => known === protocol.toLowerCase()) ?? "0",
    containerPort: parsePort(port) ?? 0,
  };
}

/** As inspect names it: `80/tcp`. */
export function portName(text: string): string {
  const { protocol, containerPort } = parseContainerPort(text);
  return `${containerPort}/${protocol}`;
}

/** Every address of the host where a text is no address, as in Docker; `::ffff:1.2.3.4` is `1.2.3.4`. */
function parseHostIp(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? "" : formatAddress(address).replace(/^::ffff:(?=.*\.)/, "");
}

function portRequest(port: string, { HostIp, HostPort }: PortBinding, endpoint: EndpointName): PortRequest {
  const { protocol, containerPort } = parseContainerPort(port);
  if (protocol === "icmp" || protocol === "0") throw invalidTransport(endpoint, protocol);
  const hostPorts = parseHostPorts(HostPort);
  if (hostPorts?.from === 0) throw invalidRange(endpoint, hostPorts.to);
  return { protocol, containerPort, hostIp: parseHostIp(HostIp), ...(hostPorts === undefined ? {} : { hostPorts }) };
}

const ANYWHERE: PortBinding = { HostIp: "", HostPort: "" };

/**
 * What is published of the exposed ports, chosen ports before any port, so that no random choice takes what another line
 * names. Bindings of a port that is not exposed, by the very same key, publish nothing, as in Docker.
 * @throws {internal} for what is no transport, {invalid_argument} for what is no port
 */
export function portRequests(
  exposed: readonly string[],
  { bindings, publishAll }: { readonly bindings: PortMap; readonly publishAll: boolean },
  endpoint: EndpointName,
): readonly PortRequest[] {
  const requests = exposed.flatMap((port) => {
    const asked = bindings[port] ?? [];
    const wanted = asked.length === 0 && publishAll ? [ANYWHERE] : asked;
    return wanted.map((binding) => portRequest(port, binding, endpoint));
  });
  return requests.sort(
    (one, other) =>
      widthOf(one.hostPorts) - widthOf(other.hostPorts) ||
      one.containerPort - other.containerPort ||
      one.protocol.localeCompare(other.protocol),
  );
}

function widthOf(range: PortRange | undefined): number {
  return range === undefined ? MAX_PORT + 1 : range.to - range.from;
}
