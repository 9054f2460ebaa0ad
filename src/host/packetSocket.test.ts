import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isNotFound } from "#errors";
import { O_CLOEXEC, SOCKET } from "./constants.ts";
import { nativeFunction } from "./libc.ts";
import { openSocket } from "./nativeSocket.ts";
import { packetsBehind } from "./packetBatch.ts";
import { connectPacketSocket } from "./packetSocket.ts";
import { runProgram } from "./runProgram.ts";
import { checked } from "./syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const bind = nativeFunction<[number, Buffer, number]>("int bind(int, const void*, uint32_t)");
const listen = nativeFunction<[number, number]>("int listen(int, int)");
const accept4 = nativeFunction<[number, null, null, number]>("int accept4(int, void*, void*, int)");

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-packet-"));
});
after(() => rmSync(folder, { recursive: true }));

/** A listener as conmon makes one, and its only client. */
function pair(name: string): { readonly client: Socket; readonly server: Socket } {
  const path = Buffer.from(join(folder, name));
  const address = Buffer.alloc(2 + path.length + 1);
  address.writeUInt16LE(SOCKET.AF_UNIX, 0);
  address.set(path, 2);
  const listener = checked("socket", undefined, socket.call(SOCKET.AF_UNIX, SOCKET.SEQPACKET | SOCKET.CLOEXEC, 0));
  try {
    checked("bind", name, bind.call(listener, address, address.length));
    checked("listen", name, listen.call(listener, 1));
    const client = connectPacketSocket(folder, name);
    return { client, server: openSocket(checked("accept4", name, accept4.call(listener, null, null, O_CLOEXEC))) };
  } finally {
    closeSync(listener);
  }
}

const write = (to: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    to.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

test("packetSocket: one write is one packet, both ways, and the end is told after the last", async () => {
  const { client, server } = pair("both");
  const received: number[] = [];
  client.on("data", (packet: Buffer) => received.push(packet.length));
  for (const size of [1, 8193, 5, 3]) await write(server, Buffer.alloc(size));
  server.end();
  await once(client, "end");
  assert.deepEqual(received, [1, 8193, 5, 3]);
  const [packet] = await Promise.all([once(server, "data"), write(client, Buffer.from("in"))]);
  assert.equal(String(packet), "in");
  client.end();
  await once(server, "end");
  client.destroy();
  server.destroy();
});

test("packetSocket: a writer waits for a reader that pauses", async () => {
  const { client, server } = pair("slow");
  client.pause();
  const packet = Buffer.alloc(8192, 1);
  let taken = 0;
  const writing = (async (): Promise<void> => {
    for (let index = 0; index < 200; index += 1) {
      await write(server, packet);
      taken += 1;
    }
    server.end();
  })();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(taken < 200);
  let total = 0;
  client.on("data", (bytes: Buffer) => {
    total += bytes.length;
  });
  client.resume();
  await Promise.all([writing, once(client, "end")]);
  assert.equal(total, 200 * packet.length);
  client.destroy();
  server.destroy();
});

test("packetSocket: the folder's path may be longer than a socket address", async () => {
  const deep = join(folder, "d".repeat(120));
  mkdirSync(deep);
  assert.throws(() => connectPacketSocket(deep, "attach"), isNotFound);
  assert.throws(() => connectPacketSocket(join(deep, "none"), "attach"), isNotFound);
});

test("packetSocket: process.exit does not wait for a connection", async () => {
  const { client, server } = pair("exit");
  client.destroy();
  server.destroy();
  const script = `
    const { openSocket } = await import(${JSON.stringify(new URL("./nativeSocket.ts", import.meta.url).href)});
    const { nativeFunction } = await import(${JSON.stringify(new URL("./libc.ts", import.meta.url).href)});
    const fds = Buffer.alloc(8);
    nativeFunction("int socketpair(int, int, int, void*)").call(1, 5, 0, fds);
    openSocket(fds.readInt32LE(0)).resume();
    setTimeout(() => process.exit(3), 10);`;
  const result = await runProgram({ file: process.execPath, args: ["--input-type=module", "-e", script] });
  assert.equal(result.code, 3, String(result.stderr));
});

test("packetsBehind: what has arrived behind a packet, packet by packet; the end is left to the socket", async () => {
  const { client, server } = pair("behind");
  client.pause();
  const texts = Array.from({ length: 50 }, (_, index) => `packet ${index}`.repeat(1 + (index % 3) * 300));
  const send = async (): Promise<void> => {
    for (const text of texts) await write(server, Buffer.from(text));
    server.end();
  };
  const sent = send();
  const seen: string[] = [];
  client.on("data", (packet: Buffer) => {
    seen.push(packet.toString());
    for (const one of packetsBehind(client)) seen.push(one.toString());
  });
  const ended = once(client, "end");
  client.resume();
  await Promise.all([sent, ended]);
  assert.deepEqual(seen, texts);
  client.destroy();
  server.destroy();
  assert.deepEqual(packetsBehind(client), []);
});
