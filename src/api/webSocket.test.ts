import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { acceptWebSocket, encodeWebSocketFrame, WebSocketStream } from "./webSocket.ts";

const MASK = Buffer.from([1, 2, 3, 4]);

/** A frame of a client: masked. */
function fromClient(first: number, payload: Buffer): Buffer {
  const plain = encodeWebSocketFrame(0, payload);
  const head = Buffer.from(plain.subarray(0, plain.length - payload.length));
  head[0] = first;
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, MASK, payload.map((byte, at) => byte ^ (MASK[at % 4] ?? 0))]);
}

function open(head: Uint8Array = new Uint8Array(0)): { client: Duplex; stream: WebSocketStream } {
  const [client, server] = duplexPair();
  return { client, stream: new WebSocketStream(server, head) };
}

test("web socket: the key is answered as the RFC's example; anything else is no web socket", () => {
  const headers = {
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  assert.match(acceptWebSocket(headers), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n$/);
  assert.throws(() => acceptWebSocket({}), { message: "not websocket protocol" });
});

test("web socket: data of every kind and size comes through, in parts and byte by byte", async () => {
  const { client, stream } = open(fromClient(0x81, Buffer.from("head ")));
  const big = Buffer.alloc(70_000, "x");
  const bytes = Buffer.concat([
    fromClient(0x01, Buffer.from("pa")),
    fromClient(0x80, Buffer.from("rt ")),
    fromClient(0x82, big),
  ]);
  for (const byte of bytes.subarray(0, 20)) client.write(Buffer.from([byte]));
  client.write(bytes.subarray(20));
  client.write(fromClient(0x88, Buffer.alloc(0)));
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  assert.equal(Buffer.concat(parts).toString(), `head part ${big.toString()}`);
});

test("web socket: what is written goes out in binary frames, pings are answered", async () => {
  const { client, stream } = open();
  stream.write("out");
  assert.deepEqual((await once(client, "data"))[0], Buffer.from([0x82, 3, ...Buffer.from("out")]));
  client.write(fromClient(0x89, Buffer.from("p")));
  assert.deepEqual((await once(client, "data"))[0], Buffer.from([0x8a, 1, ...Buffer.from("p")]));
  stream.end();
  assert.deepEqual((await once(client, "data"))[0], Buffer.from([0x88, 2, 3, 0xe8]));
});

for (const [name, bytes, code] of [
  ["a frame without a mask", Buffer.from([0x82, 1, 65]), 1002],
  ["a reserved bit", fromClient(0xc2, Buffer.from("a")), 1002],
  ["an unknown kind", fromClient(0x83, Buffer.from("a")), 1002],
  ["a control frame in parts", fromClient(0x09, Buffer.from("a")), 1002],
  ["a frame that is too large", Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]), 1009],
] as const) {
  test(`web socket: ${name} closes it`, async () => {
    const { client, stream } = open();
    stream.resume();
    client.write(bytes);
    const [frame] = (await once(client, "data")) as [Buffer];
    assert.equal(frame.readUInt16BE(2), code);
  });
}
