import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import type { Proxy, ProxyRoute } from "./tcpProxy.ts";

const MAX_SESSIONS = 1024;
/** As Docker's proxy and as the kernel's connection tracking: a peer that was silent so long is forgotten. */
const IDLE_MS = 90_000;

export interface UdpProxyLimits {
  readonly maxSessions?: number;
  readonly idleMs?: number;
}

/** One peer: its datagrams leave from a socket of their own, so that answers find their way back. */
interface Session {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
}

class UdpProxy implements Proxy {
  readonly #front: Socket;
  readonly #route: ProxyRoute;
  readonly #sessions = new Map<string, Session>();
  readonly #maxSessions: number;
  readonly #idleMs: number;

  constructor(front: Socket, route: ProxyRoute, limits: UdpProxyLimits) {
    this.#front = front;
    this.#route = route;
    this.#maxSessions = limits.maxSessions ?? MAX_SESSIONS;
    this.#idleMs = limits.idleMs ?? IDLE_MS;
    front.on("error", () => undefined); // one datagram could not be taken or sent: datagrams may get lost
    front.on("message", (message, from) => this.#pass(message, from));
  }

  #pass(message: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const session = this.#sessions.get(key) ?? this.#open(key, from);
    this.#touch(key, session);
    session.socket.send(message, this.#route.port, this.#route.address, () => undefined);
  }

  #open(key: string, from: RemoteInfo): Session {
    const oldest = this.#sessions.keys().next();
    if (this.#sessions.size >= this.#maxSessions && oldest.done !== true) this.#end(oldest.value);
    const socket = createSocket(this.#route.address.includes(":") ? "udp6" : "udp4");
    const session: Session = { socket, timer: setTimeout(() => this.#end(key), this.#idleMs).unref() };
    socket.on("error", () => undefined); // nobody listens in the container: the peer hears nothing, as over the bridge
    socket.on("message", (message, back) => {
      // Only the container may answer.
      if (back.address !== this.#route.address || back.port !== this.#route.port) return;
      this.#touch(key, session);
      this.#front.send(message, from.port, from.address, () => undefined);
    });
    return session;
  }

  /** Moves to the end of the map: its order is the order of last use. */
  #touch(key: string, session: Session): void {
    session.timer.refresh();
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    clearTimeout(session.timer);
    session.socket.close();
  }

  close(): void {
    for (const key of this.#sessions.keys()) this.#end(key);
    this.#front.close();
  }
}

async function bindFront({ hostIp, hostPort }: Pick<ProxyRoute, "hostIp" | "hostPort">): Promise<Socket> {
  const v6 = hostIp.includes(":");
  const front = createSocket({ type: v6 ? "udp6" : "udp4", ipv6Only: v6 });
  front.bind({ address: hostIp, port: hostPort, exclusive: true });
  await once(front, "listening");
  return front;
}

/** Keeps others off a host port; datagrams that the packet filter does not take elsewhere are lost. */
export async function holdUdpPort(route: Pick<ProxyRoute, "hostIp" | "hostPort">): Promise<Proxy> {
  const front = await bindFront(route);
  front.on("error", () => undefined);
  return { close: () => front.close() };
}

/** Binds the host port, and passes datagrams on; see `openTcpProxy` for what comes here. */
export async function openUdpProxy(route: ProxyRoute, limits: UdpProxyLimits = {}): Promise<Proxy> {
  return new UdpProxy(await bindFront(route), route, limits);
}
