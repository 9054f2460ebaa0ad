import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

const MAX_CONNECTIONS = 4096;

/** Where traffic comes in and goes to. */
export interface ProxyRoute {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

/** What holds a host port; closing gives the port back at once and ends what runs through it. */
export interface Proxy {
  close(): void;
}

/**
 * Listens on the host port, and passes connections on. While the nft table is in place only connections that it cannot
 * translate come here (IPv6 to an IPv4 container); the listening itself keeps others off the port.
 */
export async function openTcpProxy(route: ProxyRoute): Promise<Proxy> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => passOn(client, route, open));
  server.maxConnections = MAX_CONNECTIONS;
  const ipv6Only = route.hostIp.includes(":");
  server.listen({ host: route.hostIp, port: route.hostPort, exclusive: true, ipv6Only });
  await once(server, "listening");
  server.on("error", () => undefined); // accept failed for want of descriptors: the next one may work
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** Keeps others off a host port. Whom the packet filter does not take elsewhere is turned away. */
export async function holdTcpPort({ hostIp, hostPort }: Pick<ProxyRoute, "hostIp" | "hostPort">): Promise<Proxy> {
  const server = createServer((client) => client.resetAndDestroy());
  server.listen({ host: hostIp, port: hostPort, exclusive: true, ipv6Only: hostIp.includes(":") });
  await once(server, "listening");
  server.on("error", () => undefined);
  return { close: () => server.close() };
}

/** Each end of one direction is passed on alone: the other direction may go on (half-close). */
function passOn(client: Socket, { address, port }: ProxyRoute, open: Set<Socket>): void {
  const target = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
  for (const [socket, other] of [
    [client, target],
    [target, client],
  ] as const) {
    open.add(socket);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      open.delete(socket);
      // Cut off in the middle: the other side must not take it for an end.
      if (!socket.readableEnded) other.destroy();
    });
  }
  client.pipe(target);
  target.pipe(client);
}
