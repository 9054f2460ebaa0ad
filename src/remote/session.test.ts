import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerResponse } from "node:http";
import { encodeError } from "#errors";
import { appOn, describe, manifestBytes, specError, startServer, testClient } from "./testing/scriptedServer.ts";
import type { Script, ScriptedServer, SeenRequest } from "./testing/scriptedServer.ts";

const RAW = manifestBytes();
const BASIC = `Basic ${Buffer.from("alice:secret").toString("base64")}`;
const ALICE = { username: "alice", password: "secret" };

function ask(response: ServerResponse, challenge: string): void {
  response.setHeader("www-authenticate", challenge);
  specError(response, 401, "UNAUTHORIZED", "authentication required");
}

/** A registry that takes `Bearer <token>` and names the token server. */
function bearerRegistry(
  tokenServer: () => ScriptedServer,
  isGood: (token: string) => boolean,
): Promise<ScriptedServer> {
  const script: Script = (request, response) => {
    const token = request.headers.authorization?.replace("Bearer ", "") ?? "";
    if (isGood(token)) response.end(request.target === "/v2/" ? "{}" : RAW);
    else ask(response, `Bearer realm="${tokenServer().url}/token",service="reg"`);
  };
  return startServer(script, { answersPing: false });
}

const withoutPings = (server: ScriptedServer): readonly SeenRequest[] =>
  server.seen.filter(({ target }) => target !== "/v2/");

test("auth: sends Basic credentials when the registry asks for them", async () => {
  await using server = await startServer(
    (request, response) =>
      request.headers.authorization === BASIC ? void response.end(RAW) : ask(response, 'Basic realm="r"'),
    { answersPing: false },
  );
  await using client = testClient();
  await client.repository(appOn(server), { credentials: ALICE }).resolve(appOn(server));
  assert.equal(withoutPings(server).length, 1);
});

test("auth: fails in Docker's words when Basic is asked for and there are no credentials", async () => {
  await using server = await startServer((_, response) => ask(response, 'Basic realm="r"'), { answersPing: false });
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "unauthenticated",
    message: `Head "http://${server.host}/v2/app/manifests/1": no basic auth credentials`,
  });
});

test("auth: refused Basic credentials are not sent again", async () => {
  await using server = await startServer((_, response) => ask(response, 'Basic realm="r"'), { answersPing: false });
  await using client = testClient();
  const repository = client.repository(appOn(server), { credentials: ALICE });
  await assert.rejects(repository.resolve(appOn(server)), {
    category: "unauthenticated",
    message: "unauthorized: authentication required",
  });
  assert.equal(withoutPings(server).length, 1);
});

test("auth: fetches one anonymous token and uses it again until it ends", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"t1","expires_in":300}'));
  await using server = await bearerRegistry(
    () => tokens,
    (token) => token === "t1",
  );
  await using client = testClient();
  for (let count = 0; count < 3; count += 1) await client.repository(appOn(server)).resolve(appOn(server));
  assert.deepEqual(
    tokens.seen.map(({ target }) => target),
    ["/token?service=reg&scope=repository%3Aapp%3Apull&client_id=docker"],
  );
  assert.equal(tokens.seen[0]?.headers.authorization, undefined);
});

test("auth: requests at the same time share one token", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"t"}'));
  await using registry = await bearerRegistry(
    () => tokens,
    (token) => token === "t",
  );
  await using client = testClient();
  await client.repository(appOn(registry)).resolve(appOn(registry));
  const pushed = client.repository(appOn(registry), { scope: "push" });
  await Promise.all([1, 2, 3].map(() => pushed.resolve(appOn(registry))));
  assert.equal(tokens.seen.length, 2);
});

test("auth: who holds the credentials is asked for a token, or for a password where a registry wants one", async () => {
  const asked: unknown[] = [];
  const holder = {
    id: "session",
    token: async (wanted: unknown) => {
      asked.push(wanted);
      return { bearer: "t", expiresInS: 300 };
    },
    password: async () => ALICE,
  };
  await using registry = await bearerRegistry(
    () => registry,
    (token) => token === "t",
  );
  await using basic = await startServer(
    (request, response) =>
      request.headers.authorization === BASIC ? void response.end(RAW) : ask(response, 'Basic realm="r"'),
    { answersPing: false },
  );
  await using client = testClient();
  for (const server of [registry, basic])
    await client.repository(appOn(server), { credentials: { holder } }).resolve(appOn(server));
  assert.deepEqual(asked, [{ realm: `${registry.url}/token`, service: "reg", scopes: ["repository:app:pull"] }]);
  const failing = { ...holder, id: "other", token: () => Promise.reject(new Error("failed to fetch oauth token")) };
  await assert.rejects(
    client.repository(appOn(registry), { credentials: { holder: failing } }).resolve(appOn(registry)),
    { message: "failed to authorize: failed to fetch oauth token" },
  );
});

test("auth: sends the user's credentials to the token server and not to the registry", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"access_token":"t1"}'));
  await using server = await bearerRegistry(
    () => tokens,
    (token) => token === "t1",
  );
  await using client = testClient();
  await client.repository(appOn(server), { credentials: ALICE, scope: "push" }).resolve(appOn(server));
  assert.equal(tokens.seen[0]?.headers.authorization, BASIC);
  assert.match(tokens.seen[0]?.target ?? "", /scope=repository%3Aapp%3Apull%2Cpush&client_id=docker&account=alice$/);
  assert.ok(server.seen.every(({ headers }) => headers.authorization?.startsWith("Basic") !== true));
});

test("auth: trades an identity token for a bearer token by POST", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"access_token":"t1"}'));
  await using server = await bearerRegistry(
    () => tokens,
    (token) => token === "t1",
  );
  await using client = testClient();
  await client.repository(appOn(server), { credentials: { identityToken: "refresh" } }).resolve(appOn(server));
  const [request] = tokens.seen;
  assert.equal(request?.method, "POST");
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request?.body.toString())), {
    grant_type: "refresh_token",
    refresh_token: "refresh",
    service: "reg",
    client_id: "docker",
    scope: "repository:app:pull",
  });
});

test("auth: sends a registry token as it is and asks no token server", async () => {
  await using tokens = await startServer((_, response) => void response.end());
  await using server = await bearerRegistry(
    () => tokens,
    (token) => token === "mine",
  );
  await using client = testClient();
  await client.repository(appOn(server), { credentials: { registryToken: "mine" } }).resolve(appOn(server));
  assert.equal(tokens.seen.length, 0);
});

test("auth: asks for a new token once when the registry refuses the one it has", async () => {
  let count = 0;
  await using tokens = await startServer((_, response) => void response.end(`{"token":"t${(count += 1)}"}`));
  await using server = await bearerRegistry(
    () => tokens,
    (token) => token === "t2",
  );
  await using client = testClient();
  await client.repository(appOn(server)).resolve(appOn(server));
  assert.equal(tokens.seen.length, 2);
});

test("auth: gives up when a new token is refused too", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"bad"}'));
  await using server = await bearerRegistry(
    () => tokens,
    () => false,
  );
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { category: "unauthenticated" });
  assert.equal(withoutPings(server).length, 2);
});

test("auth: tells what the token server said as part of the request when it refuses the user", async () => {
  await using tokens = await startServer((_, response) => {
    response.writeHead(401).end('{"details":"incorrect username or password"}');
  });
  await using server = await bearerRegistry(
    () => tokens,
    () => false,
  );
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server), { credentials: ALICE }).resolve(appOn(server)), {
    category: "unauthenticated",
    message: `Head "http://${server.host}/v2/app/manifests/1": unauthorized: incorrect username or password`,
  });
});

test("auth: fails as Docker does when the token server gives no token", async () => {
  await using tokens = await startServer((_, response) => void response.end("{}"));
  await using server = await bearerRegistry(
    () => tokens,
    () => false,
  );
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    message: /authorization server did not include a token in the response$/,
  });
});

test("auth: says pull access denied when the challenge says insufficient_scope", async () => {
  await using server = await startServer((_, response) => {
    response.writeHead(401, { "www-authenticate": 'Bearer realm="x",error="insufficient_scope"' }).end();
  });
  await using client = testClient();
  const repository = client.repository(appOn(server), { credentials: { registryToken: "t" } });
  await assert.rejects(repository.resolve(appOn(server)), {
    category: "not_found",
    code: "ACCESS_DENIED",
    message: `pull access denied for ${server.host}/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  });
});

test("auth: asks for the source repository too when a blob is mounted", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"t1"}'));
  await using server = await startServer(
    (request, response) => {
      if (request.headers.authorization !== "Bearer t1") ask(response, `Bearer realm="${tokens.url}/token"`);
      else response.writeHead(201).end();
    },
    { answersPing: false },
  );
  await using client = testClient();
  const { digest } = describe(RAW);
  assert.equal(await client.repository(appOn(server), { scope: "push" }).mountBlob(digest, "base"), true);
  const scopes = new URL(tokens.seen[0]?.target ?? "", "http://h").searchParams.getAll("scope");
  assert.deepEqual(scopes, ["repository:app:pull,push", "repository:base:pull"]);
  assert.match(withoutPings(server).at(-1)?.target ?? "", /\?mount=sha256%3A[0-9a-f]{64}&from=base$/);
});

test("retries: a request is tried again when the registry answers 503 or 429 or hangs up", async () => {
  let count = 0;
  await using server = await startServer((_, response) => {
    count += 1;
    if (count === 1) response.writeHead(503).end();
    else if (count === 2) response.writeHead(429, { "retry-after": "0" }).end();
    else if (count === 3) response.destroy();
    else response.end(RAW);
  });
  await using client = testClient();
  await client.repository(appOn(server)).resolve(appOn(server));
  assert.equal(count, 4);
});

test("retries: the fifth failure is the last", async () => {
  await using server = await startServer((_, response) => void response.writeHead(500).end());
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "unavailable",
    message: "received unexpected HTTP status: 500 Internal Server Error",
  });
  assert.equal(server.seen.length, 5);
});

test("retries: none when the registry asks for an hour of patience", async () => {
  await using server = await startServer(
    (_, response) => void response.writeHead(429, { "retry-after": "3600" }).end(),
  );
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { category: "resource_exhausted" });
  assert.equal(server.seen.length, 1);
});

test("retries: a pause ends at once when the signal fires", async () => {
  const abort = new AbortController();
  await using server = await startServer((_, response) => {
    response.writeHead(429, { "retry-after": "30" }).end();
    setTimeout(() => abort.abort(), 20);
  });
  await using client = testClient();
  const asked = client.repository(appOn(server)).resolve(appOn(server), { signal: abort.signal });
  await assert.rejects(asked, { category: "cancelled" });
});

test("unreachable: a refused connection is told as Docker tells it", async () => {
  const server = await startServer((_, response) => void response.end());
  await server[Symbol.asyncDispose]();
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    category: "unavailable",
    code: "REGISTRY_UNREACHABLE",
    message: `Get "http://${server.host}/v2/": dial tcp ${server.host}: connect: connection refused`,
  });
});

test("unreachable: a registry that never answers is told as a timeout", async () => {
  await using server = await startServer(() => undefined);
  await using client = testClient({}, 50);
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), { message: /: i\/o timeout$/ });
});

test("dispose: closes the connections that were kept alive", async () => {
  await using server = await startServer((_, response) => void response.end(RAW));
  const client = testClient();
  await client.repository(appOn(server)).resolve(appOn(server));
  assert.ok((await server.connections()) > 0);
  await client[Symbol.asyncDispose]();
  for (let tries = 0; tries < 100 && (await server.connections()) > 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await server.connections(), 0);
});

test("secrets: no message holds a password, a token or an identity token, whatever fails", async () => {
  const secrets = { username: "alice", password: "hunter2-pw", identityToken: "hunter2-id" };
  await using tokens = await startServer((_, response) => void response.writeHead(500).end());
  await using server = await bearerRegistry(
    () => tokens,
    () => false,
  );
  await using client = testClient();
  for (const credentials of [secrets, { username: "alice", password: "hunter2-pw" }, { registryToken: "hunter2-t" }]) {
    await assert.rejects(client.repository(appOn(server), { credentials }).resolve(appOn(server)), (error: unknown) => {
      assert.doesNotMatch(JSON.stringify(encodeError(error)), /hunter2/);
      return true;
    });
  }
});
