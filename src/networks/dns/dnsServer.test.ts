import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import type { RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, test } from "node:test";
import { formatAddress, parseAddress } from "../ipam/address.ts";
import type { IpAddress } from "../ipam/address.ts";
import { DnsServer } from "./dnsServer.ts";
import { DnsForwarder } from "./forwarder.ts";
import type { Upstream } from "./forwarder.ts";
import { readFrames, writeFrame } from "./frames.ts";
import { decodeQuery, encodeReply } from "./message.ts";
import { Resolver } from "./resolver.ts";
import type { NameSource } from "./resolver.ts";
import { queryMessage, readReply } from "./testQueries.ts";
import type { ReadReply } from "./testQueries.ts";

const A = 1;
const PTR = 12;
const MX = 15;
const TXT = 16;
const AAAA = 28;

const cleanups: (() => Promise<unknown> | void)[] = [];
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function addresses(...texts: readonly string[]): readonly IpAddress[] {
  return texts.map((text) => {
    const parsed = parseAddress(text);
    assert.ok(parsed);
    return parsed;
  });
}

const NAMES: Readonly<Record<string, readonly IpAddress[]>> = {
  web: addresses("10.9.0.2"),
  "web.backend": addresses("10.9.0.2"),
  dual: addresses("10.9.0.3", "fd00::3"),
  scaled: addresses(...Array.from({ length: 40 }, (_, index) => `10.9.1.${index}`)),
};

function source(upstreams: readonly Upstream[], keeps = false): NameSource {
  return {
    lookup: (name) => NAMES[name],
    reverse: (address) => (formatAddress(address) === "10.9.0.2" ? "web.backend" : undefined),
    upstreams: () => upstreams,
    keepsSingleLabels: () => keeps,
  };
}

async function serve(names: NameSource, forwarder = new DnsForwarder()): Promise<DnsServer> {
  const server = await DnsServer.open(new Resolver(names, forwarder), {
    udp: { address: "127.0.0.1", port: 0 },
    tcp: { host: "127.0.0.1", port: 0 },
  });
  cleanups.push(() => server.close());
  return server;
}

async function askUdp(server: DnsServer, message: Buffer): Promise<ReadReply> {
  const socket = createSocket("udp4");
  try {
    socket.send(message, server.ports.udp, "127.0.0.1");
    const [reply] = (await once(socket, "message")) as [Buffer];
    return readReply(reply);
  } finally {
    socket.close();
  }
}

async function askTcp(server: DnsServer, ...messages: readonly Buffer[]): Promise<readonly ReadReply[]> {
  const socket = connect(server.ports.tcp, "127.0.0.1");
  for (const message of messages) writeFrame(socket, message);
  socket.end();
  const replies: ReadReply[] = [];
  for await (const frame of readFrames(socket, 65535)) replies.push(readReply(frame));
  return replies;
}

type Behaviour = (message: Buffer, from: RemoteInfo) => readonly Buffer[];

interface FakeUpstream extends Upstream {
  readonly asked: Buffer[];
}

async function upstream(behaviour: Behaviour): Promise<FakeUpstream> {
  const socket = createSocket("udp4");
  const asked: Buffer[] = [];
  socket.on("message", (message, from) => {
    asked.push(message);
    for (const reply of behaviour(message, from)) socket.send(reply, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => {
    socket.close();
  });
  return { address: "127.0.0.1", port: socket.address().port, asked };
}

const answering =
  (code: number, ...texts: readonly string[]): Behaviour =>
  (message) => {
    const query = decodeQuery(message);
    assert.ok(query);
    const answers = addresses(...texts).map((address) => ({ kind: "address" as const, address }));
    return [encodeReply(query, { code, answers, maxBytes: 512 })];
  };

test("dns server: a name of the network, however it is spelt, over UDP and TCP", async () => {
  const server = await serve(source([]));
  const reply = await askUdp(server, queryMessage("WeB", A));
  assert.deepEqual([reply.code, reply.answers, reply.ttls, reply.question], [0, ["10.9.0.2"], [600], "WeB."]);
  const replies = await askTcp(
    server,
    queryMessage("web.backend", A, { id: 1 }),
    queryMessage("dual", AAAA, { id: 2 }),
  );
  assert.deepEqual(
    replies.map(({ id, answers }) => [id, answers]),
    [
      [1, ["10.9.0.2"]],
      [2, ["fd000000000000000000000000000003"]],
    ],
  );
});

test("dns server: a known name without an address of the family has no answer, and nobody else is asked", async () => {
  const outside = await upstream(answering(0, "1.2.3.4"));
  const server = await serve(source([outside]));
  for (const type of [AAAA, MX]) {
    const reply = await askUdp(server, queryMessage("web", type));
    assert.deepEqual([reply.code, reply.answers], [0, []]);
  }
  assert.equal(outside.asked.length, 0);
});

test("dns server: the name of an address", async () => {
  const outside = await upstream(answering(3));
  const server = await serve(source([outside]));
  const ours = await askUdp(server, queryMessage("2.0.9.10.in-addr.arpa", PTR));
  assert.deepEqual([ours.code, ours.answers], [0, ["web.backend."]]);
  const other = await askUdp(server, queryMessage("9.0.9.10.in-addr.arpa", PTR));
  assert.deepEqual([other.code, outside.asked.length], [3, 1]);
});

test("dns server: many addresses come shuffled, cut over UDP unless the asker takes more, whole over TCP", async () => {
  const server = await serve(source([]));
  const short = await askUdp(server, queryMessage("scaled", A));
  assert.deepEqual([short.truncated, short.answers.length], [true, 30]);
  const long = await askUdp(server, queryMessage("scaled", A, { udpBytes: 4096 }));
  assert.deepEqual([long.truncated, long.answers.length], [false, 40]);
  const [whole] = await askTcp(server, queryMessage("scaled", A));
  assert.equal(whole?.answers.length, 40);
  assert.deepEqual([...(whole?.answers ?? [])].sort(), [...long.answers].sort());
  const orders = new Set<string>();
  for (let round = 0; round < 5; round += 1)
    orders.add((await askUdp(server, queryMessage("scaled", A, { udpBytes: 4096 }))).answers.join());
  assert.ok(orders.size > 1);
});

test("dns server: what it does not know is asked outside, single labels too, under an id of our own", async () => {
  const outside = await upstream(answering(0, "93.184.0.1"));
  const server = await serve(source([outside]));
  const ids = Array.from({ length: 8 }, (_, index) => index);
  for (const id of ids) {
    const reply = await askUdp(server, queryMessage(id === 0 ? "single" : "example.com", A, { id }));
    assert.deepEqual([reply.id, reply.code, reply.answers], [id, 0, ["93.184.0.1"]]);
  }
  await askUdp(server, queryMessage("web", TXT));
  assert.equal(outside.asked.length, 9);
  assert.notDeepEqual(
    outside.asked.slice(0, 8).map((message) => message.readUInt16BE(0)),
    ids,
  );
});

test("dns server: with ndots of its own, a single label stays here", async () => {
  const outside = await upstream(answering(0, "1.2.3.4"));
  const server = await serve(source([outside], true));
  const reply = await askUdp(server, queryMessage("single", A));
  assert.deepEqual([reply.code, reply.answers, outside.asked.length], [0, [], 0]);
  assert.deepEqual((await askUdp(server, queryMessage("two.labels", A))).answers, ["1.2.3.4"]);
});

test("dns server: without anybody to ask it fails, and says so", async () => {
  const server = await serve(source([]));
  assert.equal((await askUdp(server, queryMessage("example.com", A))).code, 2);
});

test("dns server: goes on to the next upstream after a silent, a closed and a failing one", async () => {
  const silent = await upstream(() => []);
  const failing = await upstream(answering(2));
  const good = await upstream(answering(0, "1.2.3.4"));
  const forwarder = new DnsForwarder({ timeoutMs: 50 });
  const server = await serve(source([silent, failing, good]), forwarder);
  assert.deepEqual((await askUdp(server, queryMessage("example.com", A))).answers, ["1.2.3.4"]);
  assert.deepEqual([silent.asked.length, failing.asked.length], [1, 1]);
  const nobody = await serve(source([{ address: "127.0.0.1", port: 1 }, failing]), forwarder);
  assert.equal((await askUdp(nobody, queryMessage("example.com", A))).code, 2);
});

test("dns server: an unknown name is an answer, the next upstream is not asked", async () => {
  const first = await upstream(answering(3));
  const second = await upstream(answering(0, "1.2.3.4"));
  const server = await serve(source([first, second]));
  assert.deepEqual([(await askUdp(server, queryMessage("nowhere.test", A))).code, second.asked.length], [3, 0]);
});

test("dns server: forged answers are left aside", async () => {
  const outside = await upstream((message, from) => {
    const query = decodeQuery(message);
    const other = decodeQuery(queryMessage("other.test", A, { id: message.readUInt16BE(0) }));
    assert.ok(query && other);
    const forged = addresses("6.6.6.6").map((address) => ({ kind: "address" as const, address }));
    return [
      encodeReply({ ...query, id: query.id ^ 1 }, { code: 0, answers: forged, maxBytes: 512 }),
      encodeReply(other, { code: 0, answers: forged, maxBytes: 512 }),
      Buffer.from("noise"),
      ...answering(0, "1.2.3.4")(message, from),
    ];
  });
  const server = await serve(source([outside]));
  assert.deepEqual((await askUdp(server, queryMessage("example.com", A))).answers, ["1.2.3.4"]);
});

test("dns server: a cut answer goes back as it is, and the question over TCP goes out over TCP", async () => {
  const query = queryMessage("big.test", A);
  const many = addresses(...Array.from({ length: 100 }, (_, index) => `10.8.0.${index}`));
  const reply = (message: Buffer, maxBytes: number): Buffer => {
    const asked = decodeQuery(message);
    assert.ok(asked);
    const answers = many.map((address) => ({ kind: "address" as const, address }));
    return encodeReply(asked, { code: 0, answers, maxBytes });
  };
  const outside = await upstream((message) => [reply(message, 512)]);
  const tcp = createServer((socket) => {
    void (async () => {
      for await (const frame of readFrames(socket, 4096)) writeFrame(socket, reply(frame, 65535));
    })();
  });
  tcp.listen(outside.port, "127.0.0.1");
  await once(tcp, "listening");
  cleanups.push(() => {
    tcp.close();
  });
  const server = await serve(source([outside]));
  assert.equal((await askUdp(server, query)).truncated, true);
  const [whole] = await askTcp(server, query);
  assert.deepEqual([whole?.truncated, whole?.answers.length], [false, 100]);
});

test("dns server: no more questions are under way than allowed", async () => {
  const silent = await upstream(() => []);
  const forwarder = new DnsForwarder({ timeoutMs: 200, maxConcurrent: 2 });
  const server = await serve(source([silent]), forwarder);
  const codes = await Promise.all(
    Array.from({ length: 6 }, (_, id) => askUdp(server, queryMessage("example.com", A, { id }))),
  );
  assert.deepEqual([codes.every(({ code }) => code === 2), silent.asked.length], [true, 2]);
});

test("dns server: noise gets no answer and does no harm", async () => {
  const server = await serve(source([]));
  const socket = createSocket("udp4");
  socket.send(Buffer.from("noise"), server.ports.udp, "127.0.0.1");
  socket.close();
  assert.deepEqual(await askTcp(server, Buffer.from("noise")), []);
  assert.deepEqual((await askUdp(server, queryMessage("web", A))).answers, ["10.9.0.2"]);
});

test("dns server: a port that is taken is an error, and nothing stays open", async () => {
  const first = await serve(source([]));
  const open = DnsServer.open(new Resolver(source([]), new DnsForwarder()), {
    udp: { address: "127.0.0.1", port: 0 },
    tcp: { host: "127.0.0.1", port: first.ports.tcp },
  });
  await assert.rejects(open, { code: "EADDRINUSE" });
});
