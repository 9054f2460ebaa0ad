import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { appOn, collect, describe, manifestBytes, startServer, testClient } from "./testing/scriptedServer.ts";
import type { ScriptedServer } from "./testing/scriptedServer.ts";

const BLOB = randomBytes(5000);
const DESCRIPTOR = describe(BLOB);

/** A registry that wants Basic credentials and sends its blobs to `location`. */
function redirecting(location: string): Promise<ScriptedServer> {
  return startServer(
    (request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      else if (request.target === "/v2/") response.end("{}");
      else response.writeHead(307, { location }).end();
    },
    { answersPing: false },
  );
}

const ALICE = { credentials: { username: "alice", password: "secret" } };

test("redirect: is followed to another host without Authorization, with the range", async () => {
  await using storage = await startServer((_, response) => {
    response.writeHead(206, { "content-range": `bytes 100-4999/5000` }).end(BLOB.subarray(100));
  });
  await using server = await redirecting(`${storage.url}/blob?sig=x`);
  await using client = testClient();
  await using stream = await client.repository(appOn(server), ALICE).openBlob(DESCRIPTOR, { offset: 100 });
  assert.deepEqual(await collect(stream.body), BLOB.subarray(100));
  assert.equal(storage.seen[0]?.headers.authorization, undefined);
  assert.equal(storage.seen[0]?.headers.range, "bytes=100-");
});

test("redirect: Authorization does not come back when the chain returns to the first host", async () => {
  let back = "";
  await using storage = await startServer((_, response) => void response.writeHead(302, { location: back }).end());
  const seen: (string | undefined)[] = [];
  await using server = await startServer((request, response) => {
    if (request.target === "/back") {
      seen.push(request.headers.authorization);
      response.end(BLOB);
    } else response.writeHead(302, { location: `${storage.url}/x` }).end();
  });
  back = `${server.url}/back`;
  await using client = testClient();
  const repository = client.repository(appOn(server), { credentials: { registryToken: "t" } });
  await using stream = await repository.openBlob(DESCRIPTOR);
  await collect(stream.body);
  assert.deepEqual(seen, [undefined]);
});

for (const [when, location, message] of [
  ["to a file", "file:///etc/passwd", /redirect to "file:\/\/\/etc\/passwd" refused: unsupported scheme$/],
  ["to ftp", "ftp://127.0.0.1/x", /refused: unsupported scheme$/],
  ["to data", "data:,x", /refused: unsupported scheme$/],
  [
    "to a URL with credentials",
    "http://bob:pw@127.0.0.1:9/x",
    /redirect to "http:\/\/127\.0\.0\.1:9\/x" refused: it holds/,
  ],
  ["to no URL", "http://[", /the redirect is no URL$/],
] as const) {
  test(`redirect: is refused with one line when it goes ${when}`, async () => {
    await using server = await redirecting(location);
    await using client = testClient();
    await assert.rejects(client.repository(appOn(server), ALICE).openBlob(DESCRIPTOR), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n|secret|pw/);
      return true;
    });
  });
}

test("redirect: the sixth is refused", async () => {
  await using server = await startServer((_, response) => void response.writeHead(307, { location: "/again" }).end());
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).openBlob(DESCRIPTOR), {
    message: /stopped after 5 redirects$/,
  });
  assert.equal(server.seen.length, 6);
});

test("mirrors: the first that works is asked, without credentials, and the registry only when none does", async () => {
  await using broken = await startServer((_, response) => void response.writeHead(500).end());
  await using mirror = await startServer((_, response) => void response.end(BLOB));
  await using server = await startServer((_, response) => void response.end(BLOB));
  await using client = testClient({ mirrorsByHost: { [server.host]: [broken.url, `${mirror.url}/`] } });
  const repository = client.repository(appOn(server), { credentials: { registryToken: "secret" } });
  for (let count = 0; count < 2; count += 1) {
    await using stream = await repository.openBlob(DESCRIPTOR);
    assert.deepEqual(await collect(stream.body), BLOB);
  }
  assert.deepEqual([broken.seen.length, mirror.seen.length, server.seen.length], [2, 2, 0]);
  assert.ok([...broken.seen, ...mirror.seen].every(({ headers }) => headers.authorization === undefined));
});

test("mirrors: a mirror with a wrong manifest is passed over for the registry", async () => {
  await using mirror = await startServer((_, response) => void response.end(manifestBytes("forged")));
  await using server = await startServer((_, response) => void response.end(manifestBytes()));
  await using client = testClient({ mirrorsByHost: { [server.host]: [mirror.url] } });
  const { digest } = describe(manifestBytes());
  const reference = { ...appOn(server), digest };
  assert.equal((await client.repository(reference).resolve(reference)).digest, digest);
});

test("mirrors: what the registry itself says is told when nobody has the image", async () => {
  await using mirror = await startServer((_, response) => void response.writeHead(404).end("mirror"));
  await using server = await startServer((_, response) => {
    response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  });
  await using client = testClient({ mirrorsByHost: { [server.host]: [mirror.url] } });
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "not_found",
    message: `manifest for ${server.host}/app:1 not found: manifest unknown: manifest unknown`,
  });
});

test("mirrors: are never asked when pushing", async () => {
  await using mirror = await startServer((_, response) => void response.end());
  await using server = await startServer((_, response) => void response.end());
  await using client = testClient({ mirrorsByHost: { [server.host]: [mirror.url] } });
  await client.repository(appOn(server), { scope: "push" }).hasBlob(DESCRIPTOR.digest);
  await client.repository(appOn(server)).hasBlob(DESCRIPTOR.digest);
  assert.deepEqual([mirror.seen.length, server.seen.length], [0, 2]);
});
