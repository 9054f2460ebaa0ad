import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, test } from "node:test";
import { HostPorts } from "./hostPorts.ts";
import type { PublishedPorts, PublishTarget } from "./hostPorts.ts";
import { openUdpProxy } from "./udpProxy.ts";

const target: PublishTarget = { endpoint: { name: "web", id: "e1" }, address: "127.0.0.1" };
const failed = "driver failed programming external connectivity on endpoint web (e1): ";
const DYNAMIC = { from: 21_500, to: 21_999 };

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function kept(ports: PublishedPorts): PublishedPorts {
  cleanups.push(() => ports.close());
  return ports;
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function bindUdp(): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => socket.close());
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  // Not destroyed at the end: the other direction goes on.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("host ports: a chosen port is kept at both families, and given back", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const port = await freePort();
  const request = { protocol: "tcp", containerPort: 80, hostIp: "", hostPorts: { from: port, to: port } } as const;
  const published = kept(await hostPorts.publish(target, [request]));
  assert.deepEqual(
    published.ports.map(({ hostIp, hostPort, containerPort }) => [hostIp, hostPort, containerPort]),
    [
      ["0.0.0.0", port, 80],
      ["::", port, 80],
    ],
  );
  await assert.rejects(hostPorts.publish(target, [request]), {
    message: `${failed}Bind for 0.0.0.0:${port} failed: port is already allocated`,
  });
  await assert.rejects(hostPorts.publish(target, [{ ...request, hostIp: "127.0.0.1" }]), {
    message: `${failed}Error starting userland proxy: listen tcp4 127.0.0.1:${port}: bind: address already in use`,
  });
  published.close();
  published.close();
  kept(await hostPorts.publish(target, [request]));
});

test("host ports: without a proxy a port is held, and who comes is turned away", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC, passesOn: false });
  const port = await freePort();
  const request = { containerPort: 80, hostIp: "127.0.0.1", hostPorts: { from: port, to: port } } as const;
  const published = kept(
    await hostPorts.publish(target, [
      { ...request, protocol: "tcp" },
      { ...request, protocol: "udp" },
    ]),
  );
  await assert.rejects(readAll(connect({ host: "127.0.0.1", port })), { code: "ECONNRESET" });
  published.close();
  kept(await hostPorts.publish(target, [{ ...request, protocol: "tcp" }]));
});

test("host ports: what a host process has is refused in the socket's words", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const taken = await listen(() => undefined);
  const udp = await bindUdp();
  const at = (port: number) => ({ containerPort: 80, hostIp: "127.0.0.1", hostPorts: { from: port, to: port } });
  await assert.rejects(hostPorts.publish(target, [{ protocol: "tcp", ...at(taken) }]), {
    message: `${failed}Error starting userland proxy: listen tcp4 127.0.0.1:${taken}: bind: address already in use`,
  });
  const udpPort = udp.address().port;
  await assert.rejects(hostPorts.publish(target, [{ protocol: "udp", ...at(udpPort) }]), {
    message: `${failed}Error starting userland proxy: listen udp4 127.0.0.1:${udpPort}: bind: address already in use`,
  });
  await assert.rejects(hostPorts.publish(target, [{ protocol: "tcp", ...at(taken), hostIp: "192.0.2.1" }]), {
    message: `${failed}Error starting userland proxy: listen tcp4 192.0.2.1:${taken}: bind: cannot assign requested address`,
  });
});

test("host ports: of several, all or none", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const [free, taken] = [await freePort(), await listen(() => undefined)];
  const at = (port: number) =>
    ({ protocol: "tcp", containerPort: 80, hostIp: "127.0.0.1", hostPorts: { from: port, to: port } }) as const;
  await assert.rejects(hostPorts.publish(target, [at(free), at(taken)]));
  kept(await hostPorts.publish(target, [at(free)]));
});

test("host ports: a range gives its ports one after the other, past those that others have", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const from = 22_000;
  const request = {
    protocol: "tcp",
    containerPort: 80,
    hostIp: "127.0.0.1",
    hostPorts: { from, to: from + 2 },
  } as const;
  const foreign = createServer().listen(from + 1, "127.0.0.1");
  cleanups.push(() => foreign.close());
  await once(foreign, "listening");
  const [first, second] = [
    kept(await hostPorts.publish(target, [request])),
    kept(await hostPorts.publish(target, [request])),
  ];
  assert.deepEqual([first.ports[0]?.hostPort, second.ports[0]?.hostPort], [from, from + 2]);
  foreign.close();
  await once(foreign, "close");
  const third = kept(await hostPorts.publish(target, [request]));
  assert.equal(third.ports[0]?.hostPort, from + 1);
  await assert.rejects(hostPorts.publish(target, [request]), { message: `${failed}all ports are allocated` });
});

test("host ports: any port is one of the range, never the same for two, also when asked at once", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const request = { protocol: "tcp", containerPort: 80, hostIp: "" } as const;
  const all = await Promise.all(Array.from({ length: 20 }, () => hostPorts.publish(target, [request])));
  const numbers = all.map((published) => kept(published).ports[0]?.hostPort ?? 0);
  assert.equal(new Set(numbers).size, 20);
  assert.ok(numbers.every((port) => port >= DYNAMIC.from && port <= DYNAMIC.to));
  assert.ok(all.every(({ ports: [v4, v6] }) => v4?.hostPort === v6?.hostPort));
});

test("tcp proxy: an IPv6 client reaches an IPv4 container, and each direction ends alone", async () => {
  const port = await listen((socket) => {
    void readAll(socket).then((text) => socket.end(`got ${text}`));
  });
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const { ports } = kept(await hostPorts.publish(target, [{ protocol: "tcp", containerPort: port, hostIp: "::1" }]));
  const client = connect({ host: "::1", port: ports[0]?.hostPort ?? 0, allowHalfOpen: true });
  client.end("hello");
  assert.equal(await readAll(client), "got hello");
});

test("tcp proxy: large streams arrive whole though nobody reads for a while", async () => {
  const size = 8 << 20;
  const port = await listen((socket) => socket.end(Buffer.alloc(size, 7)));
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const { ports } = kept(
    await hostPorts.publish(target, [{ protocol: "tcp", containerPort: port, hostIp: "127.0.0.1" }]),
  );
  const client = connect({ host: "127.0.0.1", port: ports[0]?.hostPort ?? 0 });
  await once(client, "connect");
  await new Promise((resolve) => setTimeout(resolve, 50));
  let received = 0;
  for await (const chunk of client as AsyncIterable<Buffer>) received += chunk.length;
  assert.equal(received, size);
});

test("tcp proxy: a container that does not listen cuts the client off, and closing cuts everybody off", async () => {
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const publish = async (containerPort: number): Promise<PublishedPorts> =>
    kept(await hostPorts.publish(target, [{ protocol: "tcp", containerPort, hostIp: "127.0.0.1" }]));
  const refused = connect({ host: "127.0.0.1", port: (await publish(await freePort())).ports[0]?.hostPort ?? 0 });
  refused.on("error", () => undefined);
  await once(refused, "close");

  const seen = Promise.withResolvers<Socket>();
  const published = await publish(await listen(seen.resolve));
  const client = connect({ host: "127.0.0.1", port: published.ports[0]?.hostPort ?? 0 });
  client.on("error", () => undefined);
  client.resume();
  const inside = await seen.promise;
  inside.resume();
  published.close();
  await Promise.all([once(client, "close"), once(inside, "end")]);
});

test("udp proxy: each peer gets its own answers", async () => {
  const container = await bindUdp();
  container.on("message", (message, from) => container.send(`re ${message.toString()}`, from.port, from.address));
  const hostPorts = new HostPorts({ dynamic: DYNAMIC });
  const { ports } = kept(
    await hostPorts.publish(target, [
      { protocol: "udp", containerPort: container.address().port, hostIp: "127.0.0.1" },
    ]),
  );
  const ask = async (text: string): Promise<string> => {
    const peer = await bindUdp();
    peer.send(text, ports[0]?.hostPort ?? 0, "127.0.0.1");
    const [reply] = (await once(peer, "message")) as [Buffer];
    return reply.toString();
  };
  assert.deepEqual(await Promise.all(["a", "b", "c"].map(ask)), ["re a", "re b", "re c"]);
});

test("udp proxy: of too many peers the one that was silent longest is forgotten", async () => {
  const container = await bindUdp();
  const sources: number[] = [];
  container.on("message", (message, from) => {
    sources.push(from.port);
    container.send(message, from.port, from.address);
  });
  const hostPort = await freePort();
  const route = { hostIp: "127.0.0.1", hostPort, address: "127.0.0.1", port: container.address().port };
  const proxy = await openUdpProxy(route, { maxSessions: 2 });
  cleanups.push(() => proxy.close());
  const peers = await Promise.all([bindUdp(), bindUdp(), bindUdp()]);
  for (const index of [0, 1, 0, 2, 0, 1]) {
    const peer = peers[index];
    assert.ok(peer);
    peer.send("x", hostPort, "127.0.0.1");
    await once(peer, "message");
  }
  assert.equal(sources[0], sources[2]);
  assert.equal(sources[0], sources[4]);
  assert.notEqual(sources[1], sources[5]);
});
