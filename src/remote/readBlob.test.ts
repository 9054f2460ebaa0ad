import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { parseDigest } from "#oci";
import { appOn, collect, describe, startServer, testClient } from "./testing/scriptedServer.ts";

const BLOB = randomBytes(3_000_000);
const DESCRIPTOR = describe(BLOB);

test("openBlob: gives the bytes in large chunks when the registry tells the length", async () => {
  await using server = await startServer((_, response) => void response.end(BLOB));
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  assert.deepEqual([stream.offset, stream.size], [0, BLOB.length]);
  assert.deepEqual(await collect(stream.body), BLOB);
});

test("openBlob: gives the same bytes when the reader is slow", async () => {
  await using server = await startServer((_, response) => void response.end(BLOB));
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  const parts: Uint8Array[] = [];
  for await (const chunk of stream.body) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    parts.push(Uint8Array.from(chunk));
  }
  assert.deepEqual(Buffer.concat(parts), BLOB);
});

test("openBlob: reads chunked transfer encoding", async () => {
  await using server = await startServer((_, response) => {
    for (let at = 0; at < BLOB.length; at += 100_001) response.write(BLOB.subarray(at, at + 100_001));
    response.end();
  });
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  assert.deepEqual(await collect(stream.body), BLOB);
});

test("openBlob: goes on by range when an offset is given", async () => {
  await using server = await startServer((request, response) => {
    assert.equal(request.headers.range, "bytes=1000-");
    response.writeHead(206, { "content-range": `bytes 1000-${BLOB.length - 1}/${BLOB.length}` });
    response.end(BLOB.subarray(1000));
  });
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR, { offset: 1000 });
  assert.equal(stream.offset, 1000);
  assert.deepEqual(await collect(stream.body), BLOB.subarray(1000));
});

test("openBlob: starts at 0 when the server ignores the range", async () => {
  await using server = await startServer((_, response) => void response.end(BLOB));
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR, { offset: 1000 });
  assert.equal(stream.offset, 0);
  assert.deepEqual(await collect(stream.body), BLOB);
});

for (const [when, status, range] of [
  ["the server answers another range", 206, `bytes 7-${BLOB.length - 1}/${BLOB.length}`],
  ["the server answers no Content-Range", 206, undefined],
  ["the range is not satisfiable", 416, `bytes */${BLOB.length}`],
] as const) {
  test(`openBlob: asks for the whole blob when ${when}`, async () => {
    await using server = await startServer((request, response) => {
      if (request.headers.range === undefined) {
        response.end(BLOB);
        return;
      }
      response.writeHead(status, range === undefined ? {} : { "content-range": range });
      response.end(BLOB.subarray(7));
    });
    await using client = testClient();
    await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR, { offset: 1000 });
    assert.equal(stream.offset, 0);
    assert.deepEqual(await collect(stream.body), BLOB);
  });
}

test("openBlob: is refused before the first byte when Content-Length is not the descriptor's size", async () => {
  await using server = await startServer((_, response) => void response.end(Buffer.concat([BLOB, BLOB])));
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).openBlob(DESCRIPTOR), {
    category: "data_loss",
    code: "SIZE_MISMATCH",
  });
});

test("openBlob: stops at the first byte too many when no length was told", async () => {
  await using server = await startServer((_, response) => {
    const more = setInterval(() => response.write(BLOB), 1);
    response.on("close", () => clearInterval(more));
  });
  await using client = testClient();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  await assert.rejects(collect(stream.body), { category: "data_loss", code: "SIZE_MISMATCH" });
});

for (const encoding of ["length", "chunked"] as const) {
  test(`openBlob: gives what came and then fails as unavailable when the connection is cut (${encoding})`, async () => {
    await using server = await startServer((_, response) => {
      if (encoding === "length") response.setHeader("content-length", BLOB.length);
      response.write(BLOB.subarray(0, 2_000_000), () => setTimeout(() => response.destroy(), 50));
    });
    await using client = testClient();
    await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
    let length = 0;
    await assert.rejects(
      async () => {
        for await (const chunk of stream.body) length += chunk.length;
      },
      { category: "unavailable", code: "REGISTRY_UNREACHABLE" },
    );
    assert.equal(length, 2_000_000);
  });
}

test("openBlob: fails as unavailable when no byte comes for the idle time", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("content-length", BLOB.length);
    response.write(BLOB.subarray(0, 1000));
  });
  await using client = testClient({}, 200);
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  await assert.rejects(collect(stream.body), { category: "unavailable", message: /i\/o timeout/ });
});

test("openBlob: ends as cancelled when the signal fires in the middle", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("content-length", BLOB.length);
    response.write(BLOB.subarray(0, 600_000));
  });
  await using client = testClient();
  const abort = new AbortController();
  await using stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR, { signal: abort.signal });
  await assert.rejects(
    async () => {
      for await (const _ of stream.body) abort.abort();
    },
    { category: "cancelled", message: "context canceled" },
  );
});

test("openBlob: closes the connection when the reader stops early", async () => {
  let closed: () => void = () => undefined;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  await using server = await startServer((_, response) => {
    response.on("close", closed);
    response.setHeader("content-length", BLOB.length);
    response.write(BLOB.subarray(0, 600_000));
  });
  await using client = testClient();
  const stream = await client.repository(appOn(server)).openBlob(DESCRIPTOR);
  for await (const _ of stream.body) break;
  await isClosed;
});

test("openBlob: falls back to the descriptor's urls, without credentials, when the registry has not the blob", async () => {
  await using elsewhere = await startServer((_, response) => void response.end(BLOB));
  await using server = await startServer((_, response) => void response.writeHead(404).end());
  await using client = testClient();
  const repository = client.repository(appOn(server), { credentials: { username: "u", password: "p" } });
  const urls = ["ftp://127.0.0.1/x", `${elsewhere.url}/foreign`];
  await using stream = await repository.openBlob({ ...DESCRIPTOR, urls });
  assert.deepEqual(await collect(stream.body), BLOB);
  assert.equal(elsewhere.seen[0]?.headers.authorization, undefined);
});

test("readBlob: gives verified bytes", async () => {
  await using server = await startServer((_, response) => void response.end("{}"));
  await using client = testClient();
  assert.equal(
    Buffer.from(await client.repository(appOn(server)).readBlob(describe(Buffer.from("{}")))).toString(),
    "{}",
  );
});

test("readBlob: is refused when the bytes have another digest", async () => {
  await using server = await startServer((_, response) => void response.end("[]"));
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).readBlob(describe(Buffer.from("{}"))), {
    category: "data_loss",
    code: "DIGEST_MISMATCH",
  });
});

test("readBlob: is refused without a request when the descriptor says more than is read", async () => {
  await using server = await startServer((_, response) => void response.end());
  await using client = testClient();
  const digest = parseDigest(`sha256:${"0".repeat(64)}`);
  await assert.rejects(client.repository(appOn(server)).readBlob({ mediaType: "x", digest, size: 9 << 20 }), {
    category: "resource_exhausted",
  });
  assert.equal(server.seen.length, 0);
});
