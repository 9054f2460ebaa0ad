import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { EngineError, ErrorCode, isCancelled, isNotFound, isUnavailable } from "#errors";
import { GrpcClient } from "./client.ts";
import { bidirectional, parseTimeout, serveGrpc, serverStream, unary } from "./server.ts";
import { isUnimplemented } from "./status.ts";
import { clientOf, connection, servedBy } from "./testPeers.ts";

const BYTES = ["Bytes", "Bytes"] as const;

test("connection: a unary call brings metadata and message, and its answer back", async (t) => {
  const client = clientOf(t, {
    "/s/Echo": unary("Bytes", "Bytes", ({ data }, { headers }) => ({
      data: Buffer.from(`${String(headers["x-list"])}:${Buffer.from(data).toString()}`),
    })),
  });
  const metadata = { "x-list": ["a", "b"] };
  const { data } = await client.unary("/s/Echo", BYTES, { data: Buffer.from("hi") }, { metadata });
  assert.equal(Buffer.from(data).toString(), "a, b:hi");
});

test("connection: an error crosses with category and words", async (t) => {
  const client = clientOf(t, {
    "/s/Fail": unary("Bytes", "Bytes", () => {
      throw new EngineError("not_found", ErrorCode.BAD_REQUEST, "no such thing: ä");
    }),
  });
  await assert.rejects(client.unary("/s/Fail", BYTES, {}), { message: "no such thing: ä" });
  await assert.rejects(client.unary("/s/Nothing", BYTES, {}), isUnimplemented);
});

test("connection: a stream larger than every window arrives whole, read slowly", async (t) => {
  const chunk = Buffer.alloc(256 << 10, 5);
  const client = clientOf(t, {
    "/s/Many": serverStream("Bytes", "Bytes", async function* () {
      for (let index = 0; index < 100; index += 1) yield { data: chunk };
    }),
  });
  const call = client.open("/s/Many", BYTES);
  await call.send({});
  call.end();
  let bytes = 0;
  for await (const { data } of call.messages()) {
    if (bytes === 0) await sleep(20);
    bytes += data.length;
  }
  assert.equal(bytes, 100 * chunk.length);
});

test("connection: both sides may talk at the same time, messages of no bytes among them", async (t) => {
  const client = clientOf(t, {
    "/s/Talk": bidirectional("Bytes", "Bytes", async (requests, _call, answer) => {
      for await (const request of requests) await answer(request);
    }),
  });
  const call = client.open("/s/Talk", BYTES);
  const heard: string[] = [];
  for (const word of ["one", "", "three"]) await call.send({ data: Buffer.from(word) });
  for await (const { data } of call.messages()) {
    heard.push(Buffer.from(data).toString());
    if (heard.length === 3) call.end();
  }
  assert.deepEqual(heard, ["one", "", "three"]);
});

test("connection: a client that cancels fires the call's signal", async (t) => {
  const cancelled = Promise.withResolvers<unknown>();
  const running = Promise.withResolvers<void>();
  const client = clientOf(t, {
    "/s/Hang": unary("Bytes", "Bytes", async (_request, { signal }) => {
      running.resolve();
      await once(signal, "abort");
      cancelled.resolve(signal.reason);
      return {};
    }),
  });
  const controller = new AbortController();
  const call = client.unary("/s/Hang", BYTES, {}, { signal: controller.signal });
  await running.promise;
  controller.abort();
  await assert.rejects(call);
  assert.ok(isCancelled(await cancelled.promise));
});

test("connection: a deadline that has passed ends the call at the server", async (t) => {
  const client = clientOf(t, {
    "/s/Late": unary("Bytes", "Bytes", async (_request, { signal }) => {
      await once(signal, "abort");
      throw signal.reason;
    }),
  });
  const call = client.unary("/s/Late", BYTES, {}, { metadata: { "grpc-timeout": "5m" } });
  await assert.rejects(call, { message: "context deadline exceeded" });
});

test("connection: timeouts of every unit are read, others are none", () => {
  assert.equal(parseTimeout("2H"), 7_200_000);
  assert.equal(parseTimeout("1500m"), 1500);
  assert.equal(parseTimeout("2000000n"), 2);
  assert.equal(parseTimeout("99999999H"), 2 ** 31 - 1);
  for (const text of [undefined, "", "5", "m", "123456789S", "-1S"]) assert.equal(parseTimeout(text), undefined);
});

test("connection: calls fail as unavailable when the peer goes away, before and afterwards", async (t) => {
  const socket = servedBy(t, {
    "/s/Leave": unary("Bytes", "Bytes", () => {
      socket.destroy();
      return {};
    }),
  });
  const client = new GrpcClient(socket);
  await assert.rejects(client.unary("/s/Leave", BYTES, {}), isUnavailable);
  await client.closed;
  await assert.rejects(client.unary("/s/Leave", BYTES, {}), isUnavailable);
});

test("connection: a peer that sends what is no message loses the call only", async (t) => {
  const client = clientOf(t, {
    "/s/Echo": unary("Bytes", "Bytes", (request) => request),
    "/s/Lie": unary("Bytes", "Empty", () => ({})),
  });
  // A Timestamp where the server expects text: field 1 of another wire type is skipped, so the message is empty.
  const { data } = await client.unary("/s/Echo", ["Timestamp", "Bytes"], { seconds: 5n });
  assert.equal(data.length, 0);
  await assert.rejects(client.unary("/s/None", ["Bytes", "Bytes"], {}), (error) => !isNotFound(error));
  assert.deepEqual({ ...(await client.unary("/s/Lie", ["Bytes", "Empty"], {})) }, {});
});

test("connection: a socket that has gone before anything is said ends at once, on both sides", async (t) => {
  const [near, far] = connection(t);
  near.destroy();
  far.destroy();
  await Promise.all([once(near, "close"), once(far, "close")]);
  await serveGrpc(far, { methods: new Map(), onFailure: () => undefined });
  const client = new GrpcClient(near);
  await client.closed;
  await assert.rejects(client.unary("/s/Any", BYTES, {}), isUnavailable);
});
