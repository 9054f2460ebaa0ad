import assert from "node:assert/strict";
import { test } from "node:test";
import { startServer, testClient } from "./testing/scriptedServer.ts";

const ALICE = { username: "alice", password: "secret" };
const BASIC = `Basic ${Buffer.from("alice:secret").toString("base64")}`;

test("login: resolves when Basic credentials are taken, fails in Docker's words when not", async () => {
  await using server = await startServer(
    (request, response) => {
      if (request.headers.authorization === BASIC) response.end("{}");
      else response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    },
    { answersPing: false },
  );
  await using client = testClient();
  assert.deepEqual(await client.login(server.host, ALICE), {});
  await assert.rejects(client.login(server.host, { ...ALICE, password: "wrong" }), {
    category: "unauthenticated",
    message: `login attempt to http://${server.host}/v2/ failed with status: 401 Unauthorized`,
  });
});

test("login: asks the token server for offline access, gives the identity token, and asks anew each time", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"t","refresh_token":"id"}'));
  await using server = await startServer(
    (request, response) => {
      if (request.headers.authorization === "Bearer t") response.end("{}");
      else response.writeHead(401, { "www-authenticate": `Bearer realm="${tokens.url}/t",service="s"` }).end();
    },
    { answersPing: false },
  );
  await using client = testClient();
  assert.deepEqual(await client.login(server.host, ALICE), { identityToken: "id" });
  await client.login(`http://${server.host}/v2/`, ALICE);
  assert.equal(tokens.seen.length, 2);
  assert.equal(tokens.seen[0]?.target, "/t?service=s&offline_token=true&client_id=docker&account=alice");
});

test("login: tells what the token server said", async () => {
  await using tokens = await startServer((_, response) => {
    response.writeHead(401).end('{"details":"incorrect username or password"}');
  });
  await using server = await startServer(
    (_, response) => void response.writeHead(401, { "www-authenticate": `Bearer realm="${tokens.url}/t"` }).end(),
    { answersPing: false },
  );
  await using client = testClient();
  await assert.rejects(client.login(server.host, ALICE), {
    category: "unauthenticated",
    message: `Get "http://${server.host}/v2/": unauthorized: incorrect username or password`,
  });
});
