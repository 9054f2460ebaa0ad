import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createEngineClient } from "./engineClient.ts";
import type { EngineClient, EngineClientOptions } from "./engineClient.ts";
import { parseHost } from "./host.ts";
import { connectionError } from "./responseError.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Fake {
  readonly server: Server;
  readonly socketPath: string;
  readonly seen: string[];
  readonly client: EngineClient;
}

async function withServer(
  handler: Handler,
  body: (fake: Fake) => Promise<void>,
  options: Partial<EngineClientOptions> = {},
  onUpgrade?: (request: IncomingMessage, socket: Socket) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "varve-client-"));
  const socketPath = join(folder, "d.sock");
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    // With a length, as engines answer: Node keeps no connection after HEAD without one.
    if (request.url === "/_ping") response.writeHead(200, { "Api-Version": "1.45", "Content-Length": 0 }).end();
    else handler(request, response);
  });
  if (onUpgrade !== undefined) server.on("upgrade", (request, socket) => onUpgrade(request, socket as Socket));
  const listening = Promise.withResolvers<void>();
  server.listen(socketPath, listening.resolve);
  await listening.promise;
  const client = createEngineClient({ host: parseHost(socketPath), ...options });
  try {
    await body({ server, socketPath, seen, client });
  } finally {
    await client[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
};

test("client: negotiates once and speaks the older version", async () => {
  await withServer(
    (_request, response) => json(response, 200, []),
    async ({ client, seen }) => {
      await client.json({
        path: "/images/json",
        query: { all: true, shared: false, names: ["a", "b"], none: undefined },
      });
      await client.json({ path: "/info" });
      assert.deepEqual(seen, ["HEAD /_ping", "GET /v1.45/images/json?all=1&names=a&names=b", "GET /v1.45/info"]);
      await assert.rejects(client.requireApiVersion("1.47", "--tree"), {
        message: '"--tree" requires API version 1.47, but the Docker daemon API version is 1.45',
      });
    },
  );
});

test("client: a pinned version is not negotiated", async () => {
  await withServer(
    (_request, response) => json(response, 200, {}),
    async ({ client, seen }) => {
      await client.json({ path: "/info" });
      assert.deepEqual(seen, ["GET /v1.30/info"]);
    },
    { apiVersion: "1.30" },
  );
});

test("client: what is varve's own is asked for at once, and again as an older daemon speaks", async () => {
  await withServer(
    (request, response) => {
      if (request.url?.startsWith("/v1.45/") === true) json(response, 200, { ok: true });
      else json(response, 400, { message: "client version 1.50 is too new. Maximum supported API version is 1.45" });
    },
    async ({ client, seen }) => {
      const call = { method: "POST", path: "/varve/v1/build", json: {} } as const;
      assert.deepEqual(await client.json(call), { ok: true });
      assert.deepEqual(await client.json(call), { ok: true });
      assert.deepEqual(seen, [
        "POST /v1.50/varve/v1/build",
        "HEAD /_ping",
        "POST /v1.45/varve/v1/build",
        "POST /v1.45/varve/v1/build",
      ]);
    },
  );
});

test("client: one connection serves the question for the version and the call", async () => {
  const sockets = new Set<unknown>();
  await withServer(
    (request, response) => {
      sockets.add(request.socket);
      json(response, 200, []);
    },
    async ({ client, server }) => {
      server.on("connection", (socket) => sockets.add(socket));
      await client.json({ path: "/info" });
      await client.json({ path: "/images/json" });
      assert.equal(sockets.size, 1);
    },
  );
});

test("client: the daemon's message, category and prefix when it refuses", async () => {
  await withServer(
    (request, response) => {
      if (request.url?.endsWith("/json") === true) json(response, 404, { message: "No such image: x:latest" });
      else if (request.url?.endsWith("/text") === true) response.writeHead(500).end("plain trouble\n");
      else response.writeHead(409).end();
    },
    async ({ client }) => {
      await assert.rejects(client.json({ path: "/images/x/json" }), {
        message: "Error response from daemon: No such image: x:latest",
        category: "not_found",
      });
      await assert.rejects(client.text({ path: "/text" }), { message: "Error response from daemon: plain trouble" });
      await assert.rejects(client.text({ path: "/empty" }), {
        category: "conflict",
        message: /^request returned Conflict for API route/,
      });
    },
  );
});

test("client: nobody listens, in Docker's words", async () => {
  const client = createEngineClient({ host: parseHost("unix:///nope/x.sock") });
  await assert.rejects(client.json({ path: "/info" }), {
    message: "Cannot connect to the Docker daemon at unix:///nope/x.sock. Is the docker daemon running?",
    category: "unavailable",
  });
});

test("client: starts the daemon once when nothing listens and goes on", async () => {
  await withServer(
    (_request, response) => json(response, 200, { ok: true }),
    async ({ socketPath }) => {
      let started = 0;
      const host = parseHost(`${socketPath}.none`);
      const client = createEngineClient({
        host,
        startDaemon: async () => {
          started += 1;
        },
      });
      await assert.rejects(client.json({ path: "/info" }), { category: "unavailable" });
      assert.equal(started, 1);
    },
  );
});

test("client: uploads flow whole, and an early refusal is told instead of a broken pipe", async () => {
  const chunk = Buffer.alloc(1 << 16, "x");
  async function* upload(): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 64; count += 1) yield chunk;
  }
  const expected = createHash("sha256");
  for (let count = 0; count < 64; count += 1) expected.update(chunk);
  await withServer(
    (request, response) => {
      if (request.url?.includes("refuse") === true) {
        json(response, 400, { message: "no room" });
        return;
      }
      const digest = createHash("sha256");
      request.on("data", (bytes: Uint8Array) => digest.update(bytes));
      request.on("end", () => json(response, 200, { digest: digest.digest("hex") }));
    },
    async ({ client }) => {
      assert.deepEqual(await client.json({ method: "POST", path: "/images/load", upload: upload() }), {
        digest: expected.digest("hex"),
      });
      await assert.rejects(client.json({ method: "POST", path: "/refuse", upload: upload() }), {
        message: "Error response from daemon: no room",
      });
    },
  );
});

test("client: a stream of JSON lines arrives as it is sent", async () => {
  await withServer(
    (_request, response) => {
      response.write('{"a":1}\n{"b"');
      response.end(":2}\n");
    },
    async ({ client }) => {
      assert.deepEqual(await Array.fromAsync(client.lines({ method: "POST", path: "/images/create" })), [
        { a: 1 },
        { b: 2 },
      ]);
    },
  );
});

test("client: a hijacked stream carries bytes both ways and says whether it is multiplexed", async () => {
  await withServer(
    (_request, response) => json(response, 404, { message: "No such container: x" }),
    async ({ client }) => {
      const { stream, multiplexed } = await client.hijack({ method: "POST", path: "/containers/a/attach" });
      assert.equal(multiplexed, true);
      stream.end("ping");
      const chunks = await Array.fromAsync(stream);
      assert.equal(Buffer.concat(chunks as Uint8Array[]).toString(), "first pong:ping");
    },
    {},
    (_request, socket) => {
      socket.write(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst ",
      );
      socket.once("data", (bytes) => socket.end(`pong:${bytes.toString()}`));
    },
  );
});

test("client: no permission on the socket, in Docker's words", () => {
  const error = connectionError(
    Object.assign(new Error("connect EACCES"), { code: "EACCES" }),
    parseHost("/run/x.sock"),
    {
      method: "POST",
      url: "http://%2Frun%2Fx.sock/v1.50/images/create?fromImage=a",
    },
  );
  assert.equal(
    error.message,
    'permission denied while trying to connect to the Docker daemon socket at unix:///run/x.sock: Post "http://%2Frun%2Fx.sock/v1.50/images/create?fromImage=a": dial unix /run/x.sock: connect: permission denied',
  );
});
