import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectHttp2, performServerHandshake } from "node:http2";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, test } from "node:test";
import type { Buildkit } from "#buildkit";
import { EngineError, ErrorCode } from "#errors";
import type { SystemBackend } from "#engine";
import type { Backends } from "./backends.ts";
import { createApiServer } from "./server.ts";

/** Answers every request over HTTP/2 with how long its body was. */
function serveHttp2(socket: Duplex): Promise<void> {
  const session = performServerHandshake(socket);
  session.on("error", () => undefined);
  session.on("stream", (stream, headers) => {
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(`${String(headers[":path"])} ${bytes}`);
    });
  });
  return new Promise((resolve) => session.once("close", resolve));
}

const sessions: IncomingHttpHeaders[] = [];
const buildkit: Buildkit = {
  serve: serveHttp2,
  checkSession: (headers) => {
    if (String(headers["x-docker-expose-session-uuid"]) === "taken")
      throw new EngineError("conflict", ErrorCode.SESSION, "session taken already exists");
  },
  serveSession: (headers, socket) => {
    sessions.push(headers);
    return serveHttp2(socket);
  },
  session: () => Promise.reject(new Error("not in this test")),
  worker: {
    id: "w",
    version: "v1",
    platforms: () => [{ os: "linux", architecture: "arm", variant: "v7" }],
    labels: () => ({}),
  },
  close: () => undefined,
};

const clients: Socket[] = [];
let folder: string;
let path: string;
let server: ReturnType<typeof createApiServer>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-upgrades-"));
  path = join(folder, "s");
  const system: Partial<SystemBackend> = {};
  server = createApiServer({ system, registry: {} } as Backends, {
    serverHeader: "varve/0 (linux)",
    onFailure: () => undefined,
    buildkit,
  });
  server.listen(path);
  await once(server, "listening");
});

after(async () => {
  for (const client of clients) client.destroy();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

function dial(): Socket {
  const socket = connect(path);
  clients.push(socket);
  return socket;
}

async function raw(text: string): Promise<{ readonly head: string; readonly socket: Socket }> {
  const socket = dial();
  socket.write(text);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.pause();
  const switched = chunk.indexOf("\r\n\r\n") + 4;
  if (!chunk.toString("latin1").startsWith("HTTP/1.1 101 ")) return { head: chunk.toString(), socket };
  if (switched < chunk.length) socket.unshift(chunk.subarray(switched));
  return { head: chunk.subarray(0, switched).toString(), socket };
}

const upgrade = (target: string, protocol: string, more = ""): string =>
  `POST ${target} HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nContent-Length: 0\r\n${more}\r\n`;

function overHttp2(socket: Socket): ClientHttp2Session {
  const client = connectHttp2("http://localhost", { createConnection: () => socket });
  client.on("error", () => undefined);
  return client;
}

async function post(client: ClientHttp2Session, target: string, bytes: number): Promise<string> {
  const stream = client.request({ ":method": "POST", ":path": target });
  stream.end(Buffer.alloc(bytes));
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

for (const target of ["/grpc", "/v1.45/grpc"])
  test(`upgrades: ${target} leaves HTTP/1.1 for HTTP/2`, async () => {
    const { head, socket } = await raw(upgrade(target, "h2c"));
    assert.equal(head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    const client = overHttp2(socket);
    assert.equal(await post(client, "/x", 300_000), "/x 300000");
    client.close();
    await once(client, "close");
  });

test("upgrades: a session keeps its headers, repeated ones apart", async () => {
  const method = "X-Docker-Expose-Session-Grpc-Method";
  const more = `X-Docker-Expose-Session-Uuid: u\r\n${method}: /a/B\r\n${method}: /c/D\r\n`;
  const { head, socket } = await raw(upgrade("/session", "h2c", more));
  assert.match(head, /^HTTP\/1\.1 101 /);
  assert.deepEqual(sessions.at(-1)?.[method.toLowerCase()], ["/a/B", "/c/D"]);
  socket.destroy();
});

const REFUSED: readonly (readonly [what: string, request: string, answer: RegExp])[] = [
  [
    "no protocol",
    "POST /grpc HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    /^HTTP\/1\.1 500 [^]*no upgrade proto in request/,
  ],
  ["another protocol", upgrade("/session", "foo"), /^HTTP\/1\.1 500 [^]*protocol foo not supported/],
  [
    "a session that is there already",
    upgrade("/session", "h2c", "X-Docker-Expose-Session-Uuid: taken\r\n"),
    /^HTTP\/1\.1 409 [^]*session taken already exists/,
  ],
];

for (const [what, request, answer] of REFUSED)
  test(`upgrades: ${what} is refused over HTTP/1.1`, async () => {
    const { head, socket } = await raw(request);
    assert.match(head, answer);
    socket.destroy();
  });

test("upgrades: elsewhere an offer of h2c is answered over HTTP/1.1", async () => {
  const { head, socket } = await raw("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 OK[^]*Builder-Version: 2\r\n/);
  socket.destroy();
});

test("direct HTTP/2: a client that begins with it is served on the same socket", async () => {
  const client = overHttp2(dial());
  assert.equal(await post(client, "/a", 300_000), "/a 300000");
  assert.equal(await post(client, "/b", 0), "/b 0");
  client.close();
  await once(client, "close");
});

test("direct HTTP/2: the preface may come in pieces", async () => {
  const slow = dial();
  slow.write("PRI * HTTP/2.0\r\n");
  await sleep(20);
  slow.write("\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  const [settings] = (await once(slow, "data")) as [Buffer];
  assert.equal(settings[3], 4, "a SETTINGS frame");
  slow.destroy();
});

test("direct HTTP/2: what is no protocol at all is a bad request, as before", async () => {
  const { head, socket } = await raw("nonsense\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n\r\n$/);
  socket.destroy();
});

test("direct HTTP/2: headers beyond the bound are answered with their own status", async () => {
  const { head, socket } = await raw(`GET / HTTP/1.1\r\nX: ${"x".repeat(2 << 20)}\r\n\r\n`);
  assert.match(head, /^HTTP\/1\.1 431 /);
  socket.destroy();
});
