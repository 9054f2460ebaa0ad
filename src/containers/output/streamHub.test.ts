import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { OutputFrame } from "../containerService.ts";
import { StreamHub } from "./streamHub.ts";

const server = createServer({ noDelay: true });
before(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
after(() => new Promise((resolve) => server.close(resolve)));

/** The monitor's end and ours. One write is one packet as long as each is taken before the next. */
async function pair(): Promise<readonly [monitor: Socket, ours: Socket]> {
  const ours = new Socket({ allowHalfOpen: true });
  ours.connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [monitor] = (await once(server, "connection")) as [Socket];
  await new Promise((resolve) => (ours.connecting ? ours.once("connect", resolve) : resolve(undefined)));
  return [monitor, ours];
}

async function collect(frames: AsyncIterable<OutputFrame>): Promise<string> {
  let text = "";
  for await (const { stream, bytes } of frames) text += `${stream}:${Buffer.from(bytes).toString()} `;
  return text.trim();
}

const BOTH = { stdout: true, stderr: true };

test("hub: clients that came before the run get all of their streams, and its end", async () => {
  const hub = new StreamHub();
  const all = collect(hub.join(BOTH));
  const errors = collect(hub.join({ stdout: false, stderr: true }));
  const [monitor, ours] = await pair();
  hub.connect(ours);
  const heard = new Promise<void>((resolve) => hub.onOutput(resolve));
  monitor.write(Buffer.from("\x02out"));
  await heard;
  monitor.end(Buffer.from("\x03err"));
  assert.equal(await all, "stdout:out stderr:err");
  assert.equal(await errors, "stderr:err");
  await hub.ended;
});

test("hub: input waits for the run, keeps its order and ends once", async () => {
  const hub = new StreamHub();
  const written = Promise.all([hub.write(Buffer.from("a".repeat(100_000))), hub.write(Buffer.from("b"))]);
  hub.endInput();
  const [monitor, ours] = await pair();
  let text = "";
  monitor.on("data", (chunk: Buffer) => (text += chunk.toString()));
  hub.connect(ours);
  await written;
  await once(monitor, "end");
  assert.equal(text, `${"a".repeat(100_000)}b`);
  monitor.destroy();
  await hub.ended;
});

test("hub: a client that does not read makes the monitor wait, until it leaves", async () => {
  const hub = new StreamHub();
  const slow = hub.join(BOTH);
  const [monitor, ours] = await pair();
  hub.connect(ours);
  monitor.write(Buffer.alloc(4 << 20, 2));
  while (!ours.isPaused()) await new Promise((resolve) => hub.onOutput(() => setImmediate(resolve)));
  hub.leave(slow);
  assert.equal(ours.isPaused(), false);
  monitor.end();
  await hub.ended;
});

test("hub: a run that never came ends its clients and drops their input", async () => {
  const hub = new StreamHub();
  const client = collect(hub.join(BOTH));
  const written = hub.write(Buffer.from("lost"));
  hub.end();
  await written;
  assert.equal(await client, "");
});
