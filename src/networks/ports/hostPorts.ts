import { readFileSync } from "node:fs";
import { release } from "node:os";
import { hasModule } from "#host";
import { PortAllocator } from "./portAllocator.ts";
import { allPortsAllocated, listenFailed, portAllocated, protocolNotSupported } from "./portError.ts";
import type { EndpointName } from "./portError.ts";
import type { PortProtocol, PortRange, PortRequest } from "./portRequests.ts";
import { holdTcpPort, openTcpProxy } from "./tcpProxy.ts";
import type { Proxy } from "./tcpProxy.ts";
import { holdUdpPort, openUdpProxy } from "./udpProxy.ts";

const IPV4_ANY = "0.0.0.0";
const IPV6_ANY = "::";
/** A random port that somebody else has is no failure; so many in a row are. */
const MAX_DYNAMIC_ATTEMPTS = 64;

/** One port that is reachable now, at one address of the host. */
export interface PublishedPort {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** All ports of one endpoint. `close` gives them back at once; it may be called twice. */
export interface PublishedPorts {
  readonly ports: readonly PublishedPort[];
  close(): void;
}

/** Whose ports to publish, and the address of the container that the proxies connect to. */
export interface PublishTarget {
  readonly endpoint: EndpointName;
  readonly address: string;
}

interface Claim {
  readonly port: PublishedPort;
  /** Absent where no socket of ours holds the port. */
  readonly proxy: Proxy | undefined;
}

/** `/proc/sys/net/ipv4/ip_local_port_range`. */
export function ephemeralRange(): PortRange {
  const [from = 32_768, to = 60_999] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
    .trim()
    .split(/\s+/)
    .map(Number);
  return { from, to };
}

export interface HostPortsOptions {
  readonly dynamic?: PortRange;
  readonly passesOn?: boolean;
}

/** The host's ports as far as this daemon hands them to containers: reserved by sockets of its own. */
export class HostPorts {
  readonly #allocator: PortAllocator;
  readonly #passesOn: boolean;

  /** `passesOn`: what the packet filter does not translate goes through this process; else the ports are only held. */
  constructor({ dynamic = ephemeralRange(), passesOn = true }: HostPortsOptions = {}) {
    this.#allocator = new PortAllocator(dynamic);
    this.#passesOn = passesOn;
  }

  /**
   * Reserves every port, or none. @throws {internal} PORT_IN_USE `… Bind for 0.0.0.0:80 failed: port is already allocated`,
   * `… listen tcp4 0.0.0.0:80: bind: address already in use`
   */
  async publish(target: PublishTarget, requests: readonly PortRequest[]): Promise<PublishedPorts> {
    const claims: Claim[] = [];
    const close = (): void => {
      for (const claim of claims.splice(0)) this.#release(claim);
    };
    try {
      for (const request of requests) claims.push(...(await this.#claim(target, request)));
    } catch (error) {
      close();
      throw error;
    }
    return { ports: claims.map(({ port }) => port), close };
  }

  /** The first port of the range that can be had at every address. */
  async #claim(target: PublishTarget, request: PortRequest): Promise<readonly Claim[]> {
    const { protocol, hostPorts } = request;
    const ips = request.hostIp === "" ? [IPV4_ANY, IPV6_ANY] : [request.hostIp];
    let failure: unknown;
    let attempts = 0;
    for (const port of hostPorts === undefined ? this.#allocator.dynamicPorts() : portsOf(hostPorts)) {
      if (!this.#allocator.isFree(protocol, ips, port)) continue;
      try {
        return await this.#bindAll(target, request, { ips, port });
      } catch (error) {
        failure = error;
        attempts += 1;
        if (attempts >= MAX_DYNAMIC_ATTEMPTS) break;
      }
    }
    if (failure !== undefined) throw failure;
    if (hostPorts === undefined || hostPorts.from !== hostPorts.to) throw allPortsAllocated(target.endpoint);
    throw portAllocated(target.endpoint, ips[0] ?? "", hostPorts.from);
  }

  async #bindAll(
    target: PublishTarget,
    request: PortRequest,
    at: { readonly ips: readonly string[]; readonly port: number },
  ): Promise<readonly Claim[]> {
    const { protocol, containerPort, hostIp } = request;
    const claims: Claim[] = [];
    // Before the first wait: another container that starts now must not choose it, too.
    this.#allocator.take(protocol, at.ips, at.port);
    try {
      for (const ip of at.ips) {
        const port = { protocol, containerPort, hostIp: ip, hostPort: at.port };
        const how = { optional: hostIp === "" && ip === IPV6_ANY, passesOn: this.#passesOn };
        const bound = await bindPort(target, port, how);
        if (bound === "no IPv6") this.#allocator.release(protocol, [ip], at.port);
        else claims.push({ port, proxy: bound });
      }
      return claims;
    } catch (error) {
      for (const { proxy } of claims) proxy?.close();
      this.#allocator.release(protocol, at.ips, at.port);
      throw error;
    }
  }

  #release({ port, proxy }: Claim): void {
    proxy?.close();
    this.#allocator.release(port.protocol, [port.hostIp], port.hostPort);
  }
}

function* portsOf({ from, to }: PortRange): Generator<number, void, undefined> {
  for (let port = from; port <= to; port += 1) yield port;
}

const WITHOUT_IPV6: readonly string[] = ["EAFNOSUPPORT", "EADDRNOTAVAIL"];

/** `optional`: the host may have no IPv6, and nobody asked for it by name. */
async function bindPort(
  target: PublishTarget,
  port: PublishedPort,
  { optional, passesOn }: { readonly optional: boolean; readonly passesOn: boolean },
): Promise<Proxy | "no IPv6" | undefined> {
  const { protocol, hostIp, hostPort, containerPort } = port;
  if (protocol === "sctp") {
    // Node has no such sockets; the nft table alone serves it, and nobody is kept off the port.
    if (!(await hasSctp())) throw protocolNotSupported(target.endpoint);
    return undefined;
  }
  try {
    const route = { hostIp, hostPort, address: target.address, port: containerPort };
    if (!passesOn) return await (protocol === "tcp" ? holdTcpPort(route) : holdUdpPort(route));
    return await (protocol === "tcp" ? openTcpProxy(route) : openUdpProxy(route));
  } catch (error) {
    if (optional && error instanceof Error && "code" in error && WITHOUT_IPV6.includes(String(error.code)))
      return "no IPv6";
    throw listenFailed(target.endpoint, { protocol, ip: hostIp, port: hostPort }, error);
  }
}

async function hasSctp(): Promise<boolean> {
  return /^SCTP\s/m.test(readFileSync("/proc/net/protocols", "utf8")) || (await hasModule("sctp", release()));
}
