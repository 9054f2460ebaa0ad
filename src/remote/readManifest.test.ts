import assert from "node:assert/strict";
import { test } from "node:test";
import { withDigest } from "#oci";
import { appOn, describe, manifestBytes, specError, startServer, testClient } from "./testing/scriptedServer.ts";

const RAW = manifestBytes();
const DESCRIPTOR = describe(RAW, "application/vnd.oci.image.manifest.v1+json");
const OTHER = describe(manifestBytes("other")).digest;

test("resolve: gives bytes, digest and media type when asked by tag", async () => {
  await using server = await startServer((_, response) => void response.end(RAW));
  await using client = testClient();
  const document = await client.repository(appOn(server)).resolve(appOn(server));
  assert.deepEqual(Buffer.from(document.raw), RAW);
  assert.deepEqual([document.digest, document.kind], [DESCRIPTOR.digest, "manifest"]);
  const [request] = server.seen;
  assert.equal(request?.target, "/v2/app/manifests/1");
  assert.match(request?.headers.accept ?? "", /^application\/vnd\.oci\.image\.index\.v1\+json, /);
  assert.equal(request?.headers["user-agent"], "varve-test/1");
});

test("resolve: is refused when the bytes have another digest than was asked for", async () => {
  await using server = await startServer((_, response) => void response.end(RAW));
  await using client = testClient();
  const reference = withDigest(appOn(server), OTHER);
  await assert.rejects(client.repository(reference).resolve(reference), {
    category: "data_loss",
    message: `manifest verification failed for digest ${OTHER}`,
  });
});

test("resolve: is refused when the bytes have another digest than Docker-Content-Digest says", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("docker-content-digest", OTHER);
    response.end(RAW);
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { code: "DIGEST_MISMATCH" });
});

test("resolve: is refused while it streams when a manifest of 100 MB comes", async () => {
  let sent = 0;
  await using server = await startServer(async (_, response) => {
    const mebibyte = Buffer.alloc(1 << 20, " ");
    for (; sent < 100 && !response.destroyed; sent += 1) {
      if (!response.write(mebibyte)) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    response.end();
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "resource_exhausted",
    message: `manifest app@1 is larger than ${4 << 20} bytes`,
  });
  assert.ok(sent < 100, `${sent} MiB were sent`);
});

test("resolve: is refused before the body when Content-Length says 100 MB", async () => {
  await using server = await startServer((_, response) => {
    response.writeHead(200, { "content-length": 100 << 20 });
    response.write("{");
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { category: "resource_exhausted" });
});

test("fetchManifest: is refused when more bytes come than the descriptor says", async () => {
  await using server = await startServer((_, response) => void response.end(Buffer.concat([RAW, Buffer.from(" ")])));
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).fetchManifest(DESCRIPTOR), { category: "resource_exhausted" });
});

test("fetchManifest: is refused when fewer bytes come than the descriptor says", async () => {
  await using server = await startServer((_, response) => void response.end(RAW));
  await using client = testClient();
  const asked = client.repository(appOn(server)).fetchManifest({ ...DESCRIPTOR, size: RAW.length + 1 });
  await assert.rejects(asked, { category: "data_loss", code: "SIZE_MISMATCH" });
});

test("resolve: is refused by name when the registry has a manifest of schema 1 only", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws");
    response.setHeader("docker-content-digest", OTHER);
    response.end(JSON.stringify({ schemaVersion: 1, name: "app" }));
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { code: "UNSUPPORTED_MEDIA_TYPE" });
});

for (const [code, status, category, message] of [
  ["MANIFEST_UNKNOWN", 404, "not_found", "manifest for HOST/app:1 not found: manifest unknown: told"],
  ["NAME_UNKNOWN", 404, "not_found", "repository HOST/app not found: name unknown: told"],
  [
    "DENIED",
    403,
    "not_found",
    "pull access denied for HOST/app, repository does not exist or may require 'docker login': denied: told",
  ],
  ["UNAUTHORIZED", 401, "unauthenticated", "unauthorized: told"],
  ["TOOMANYREQUESTS", 429, "resource_exhausted", "toomanyrequests: told"],
] as const) {
  test(`resolve: fails in Docker's words when the registry says ${code}`, async () => {
    await using server = await startServer((_, response) => specError(response, status, code, "told"));
    await using client = testClient();
    await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
      category,
      message: message.replaceAll("HOST", server.host),
    });
  });
}

test("resolve: tells the status when the error page is no JSON and longer than 64 KiB", async () => {
  await using server = await startServer((_, response) => {
    response.writeHead(404);
    response.end("<html>".repeat(100_000));
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "not_found",
    message: "received unexpected HTTP status: 404 Not Found",
  });
});

test("resolve: keeps a message of many lines on one line", async () => {
  await using server = await startServer((_, response) => specError(response, 400, "NAME_INVALID", "a\r\n\tb\u0000"));
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { message: /^name invalid: a b\W?$/ });
});

for (const [tags, pages] of [
  [
    ["a", "b"],
    ["a", "b"],
  ],
  [[], []],
] as const) {
  test(`listTags: follows Link over ${pages.length} pages`, async () => {
    await using server = await startServer((request, response) => {
      const page = Number(new URL(request.target, "http://h").searchParams.get("page") ?? 0);
      if (page + 1 < pages.length) response.setHeader("link", `</v2/app/tags/list?page=${page + 1}>; rel="next"`);
      response.end(JSON.stringify({ name: "app", tags: pages[page] === undefined ? null : [pages[page]] }));
    });
    await using client = testClient();
    assert.deepEqual(await client.repository(appOn(server)).listTags(), tags);
  });
}

test("listTags: is refused when the next page is on another host", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("link", '<http://127.0.0.2:9/v2/app/tags/list>; rel="next"');
    response.end('{"tags":[]}');
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).listTags(), { message: /the next page is on another host/ });
});

test("listTags: ends when the pages never do", async () => {
  await using server = await startServer((_, response) => {
    response.setHeader("link", '</v2/app/tags/list>; rel="next"');
    response.end('{"tags":["a"]}');
  });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).listTags(), { message: /too many tags/ });
});
