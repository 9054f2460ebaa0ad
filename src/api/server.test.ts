import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { EventMessage, VersionInfo } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { OutputFrame, WaitResult } from "#containers";
import type { EventSubscription, SystemBackend } from "#engine";
import type { Backends, ContainerBackend, ImageBackend } from "./backends.ts";
import { createApiServer } from "./server.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const failures: string[] = [];
const seen: { events?: EventSubscription; names?: readonly string[]; written: string[]; disposed: number } = {
  written: [],
  disposed: 0,
};
const clients: Socket[] = [];
let folder: string;
let socketPath: string;
let server: ReturnType<typeof createApiServer>;
const greeting = async function* (): AsyncIterable<OutputFrame> {
  yield { stream: "stdout", bytes: Buffer.from("out") };
  yield { stream: "stderr", bytes: Buffer.from("err") };
};
let attachOutput: () => AsyncIterable<OutputFrame> = greeting;
let saved: () => AsyncIterable<Uint8Array> = async function* () {
  yield Buffer.from("tar");
};
let waited: () => Promise<WaitResult> = async () => ({ StatusCode: 0 });
let inputEnded: PromiseWithResolvers<void> = Promise.withResolvers();

const noImage = (name: string): never => {
  throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `No such image: ${name}`);
};
const images: Partial<ImageBackend> = {
  inspect: async (name) => noImage(name),
  history: async () => {
    throw new TypeError("x is undefined");
  },
  remove: async () => {
    throw new EngineError("conflict", ErrorCode.IMAGE_IN_USE, "image is in use", { hint: "use -f" });
  },
  save: async (names) => {
    seen.names = names;
    return saved();
  },
  pull: async (_reference, { progress }) => {
    progress({ status: "Pulling fs layer", id: "a", progressDetail: {} });
    progress({ status: "Downloading", id: "a", progressDetail: { current: 1, total: 2 } });
    throw new EngineError("unavailable", ErrorCode.REGISTRY, "connection reset");
  },
  push: async () => {
    throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, "An image does not exist locally with the tag: x");
  },
};
const containers: Partial<ContainerBackend> = {
  attach: async (id) => {
    if (id === "nope") throw new EngineError("not_found", ErrorCode.CONTAINER_NOT_FOUND, "No such container: nope");
    return {
      tty: false,
      output: attachOutput(),
      write: async (bytes) => void seen.written.push(Buffer.from(bytes).toString()),
      closeStdin: () => inputEnded.resolve(),
      [Symbol.asyncDispose]: async () => void (seen.disposed += 1),
    };
  },
  wait: (id) =>
    id === "nope"
      ? Promise.reject(new EngineError("not_found", ErrorCode.CONTAINER_NOT_FOUND, "No such container: nope"))
      : waited(),
  start: async () => {
    throw new EngineError("not_modified", ErrorCode.CONTAINER_STATE, "container already started");
  },
};
const system: Partial<SystemBackend> = {
  version: () => ({ Version: "0" }) as VersionInfo,
  info: async () => ({ ID: "x" }),
  async *events(query) {
    seen.events = query;
    yield {
      Type: "image",
      Action: "pull",
      scope: "local",
      time: 1,
      timeNano: 1,
      Actor: { ID: "a", Attributes: {} },
    } satisfies EventMessage;
    await once(query.signal, "abort");
  },
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-api-"));
  socketPath = join(folder, "s");
  server = createApiServer({ images, containers, system, registry: {} } as Backends, {
    serverHeader: "varve/0 (linux)",
    onFailure: (request, error) => failures.push(`${request}: ${String(error)}`),
  });
  server.listen(socketPath);
  await once(server, "listening");
});

after(async () => {
  for (const client of clients) client.destroy();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

function ask(
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { socketPath, method, path, headers: options.headers ?? {}, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on("error", reject).end(options.body);
  });
}

async function message(
  method: string,
  path: string,
  options: Parameters<typeof ask>[2] = {},
): Promise<readonly [number, string]> {
  const { status, text } = await ask(method, path, options);
  return [status, (JSON.parse(text) as { message: string }).message];
}

/** A raw connection: writes, then reads until `until` is seen or the other side ends. */
async function raw(text: string): Promise<Socket> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  clients.push(socket);
  socket.setEncoding("latin1");
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

async function readUntil(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  let text = "";
  while (!enough(text)) {
    const chunk: string | null = socket.read();
    if (chunk !== null) text += chunk;
    else if (socket.readableEnded || socket.destroyed) return text;
    else await Promise.race([once(socket, "readable"), once(socket, "end"), once(socket, "close")]);
  }
  return text;
}

const toEnd = (socket: Socket): Promise<string> => readUntil(socket, () => false);
const ATTACH = "/containers/c/attach?stream=1&stdout=1&stderr=1";
const UPGRADE = "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const FRAMES = "\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err";

test("server: _ping by GET and HEAD has Docker's headers", async () => {
  for (const [method, text] of [
    ["GET", "OK"],
    ["HEAD", ""],
  ] as const) {
    const answer = await ask(method, "/_ping");
    assert.deepEqual([answer.status, answer.text], [200, text]);
    assert.equal(answer.headers["content-length"], String(text.length));
    assert.equal(answer.headers["api-version"], "1.51");
    assert.equal(answer.headers["ostype"], "linux");
    assert.equal(answer.headers["docker-experimental"], "false");
    assert.equal(answer.headers["server"], "varve/0 (linux)");
    assert.match(String(answer.headers["cache-control"]), /no-store/);
    assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
  }
});

test("server: refuses versions outside what it speaks, in Docker's words", async () => {
  assert.deepEqual(await message("GET", "/v1.99/info"), [
    400,
    "client version 1.99 is too new. Maximum supported API version is 1.51",
  ]);
  assert.deepEqual(await message("GET", "/v1.12/info"), [
    400,
    "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
  ]);
  assert.equal((await ask("GET", "/v1.24/info")).status, 200);
});

test("server: answers 404 to unknown paths and methods, also to odd targets", async () => {
  for (const [method, path] of [
    ["GET", "/nope"],
    ["POST", "/_ping"],
    ["GET", "//"],
    ["GET", "//images/json"],
    ["GET", "/v1.45"],
    ["GET", "/images/../info"],
  ] as const)
    assert.deepEqual(await message(method, path), [404, "page not found"], path);
});

test("server: takes a whole URL as target", async () => {
  const socket = await raw("GET http://docker/v1.41/_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
  assert.match(await toEnd(socket), /^HTTP\/1\.1 200 OK/);
});

test("server: an error becomes its status and {message}", async () => {
  assert.deepEqual(await message("GET", "/images/a%2Fb/c:d/json"), [404, "No such image: a/b/c:d"]);
  assert.deepEqual(await message("DELETE", "/images/x"), [409, "image is in use (use -f)"]);
  assert.deepEqual(await message("GET", "/images/%zz/json"), [400, 'invalid URL escape in "%zz"']);
  const { status, text } = await ask("POST", "/containers/c/start");
  assert.deepEqual([status, text], [304, ""]);
});

test("server: tells the log of what is our own fault, and of nothing else", async () => {
  failures.length = 0;
  assert.deepEqual(await message("GET", "/images/x/history"), [500, "x is undefined"]);
  await message("GET", "/images/x/json");
  assert.deepEqual(failures, ["GET /images/x/history: TypeError: x is undefined"]);
});

test("server: reads JSON bodies as Docker does", async () => {
  const json = { "Content-Type": "application/json" };
  assert.deepEqual(await message("POST", "/containers/create"), [
    400,
    "invalid JSON: got EOF while reading request body",
  ]);
  assert.deepEqual(await message("POST", "/containers/create", { headers: json, body: "{}" }), [
    400,
    "config cannot be empty in order to create a container",
  ]);
  assert.deepEqual(
    await message("POST", "/containers/create", { headers: { "Content-Type": "text/plain" }, body: "{}" }),
    [400, "unsupported Content-Type header (text/plain): must be 'application/json'"],
  );
  const [status, text] = await message("POST", "/containers/create", { headers: json, body: "{bad\n" });
  assert.equal(status, 400);
  assert.match(text, /^invalid JSON: [^\n]+$/);
});

test("server: takes headers of hundreds of kilobytes", async () => {
  const answer = await ask("GET", "/_ping", { headers: { "X-Registry-Auth": "a".repeat(300_000) } });
  assert.equal(answer.status, 200);
});

test("server: a client that offers h2c is answered over HTTP/1.1", async () => {
  const socket = await raw(
    "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
  );
  assert.match(await readUntil(socket, (text) => text.endsWith("OK")), /^HTTP\/1\.1 200 OK\r\n/);
  socket.destroy();
});

test("pull: a failure after the first line ends the stream with an error line", async () => {
  const { status, text } = await ask("POST", "/images/create?fromImage=a&tag=b");
  assert.equal(status, 200);
  const lines = text
    .trimEnd()
    .split("\r\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 3);
  assert.equal(lines[1]?.["progress"], `[${"=".repeat(25)}>${" ".repeat(25)}]       1B/2B`);
  assert.deepEqual(lines[2], { errorDetail: { message: "connection reset" }, error: "connection reset" });
});

test("push: a failure before the first line becomes a status", async () => {
  assert.deepEqual(await message("POST", "/images/x/push?tag=x"), [
    404,
    "An image does not exist locally with the tag: x",
  ]);
});

test("tag: refuses what Docker refuses", async () => {
  assert.deepEqual(await message("POST", `/images/a/tag?repo=b@sha256:${"a".repeat(64)}&tag=x`), [
    400,
    "cannot import digest reference",
  ]);
  assert.deepEqual(await message("POST", "/images/a/tag?repo=sha256&tag=x"), [
    400,
    "refusing to create an ambiguous tag using digest algorithm as name",
  ]);
  assert.deepEqual(await message("POST", "/images/a/tag?repo=b&tag=-"), [400, "invalid tag format"]);
});

test("save: sends the archive of every name", async () => {
  const { status, headers, text } = await ask("GET", "/images/get?names=a&names=b%2Fc,d");
  assert.deepEqual([status, headers["content-type"], text], [200, "application/x-tar", "tar"]);
  assert.deepEqual(seen.names, ["a", "b/c", "d"]);
});

test("save: a stream that breaks cuts the connection, so that the client knows", async () => {
  saved = async function* () {
    yield Buffer.from("half");
    throw new EngineError("data_loss", ErrorCode.CONTENT_IO, "blob is gone");
  };
  await assert.rejects(ask("GET", "/images/x/get"), { code: "ECONNRESET" });
});

test("save: stops and leaves no listeners when a slow client goes away", async () => {
  const ended = Promise.withResolvers<void>();
  const warnings: string[] = [];
  const warn = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", warn);
  saved = async function* () {
    try {
      for (;;) yield Buffer.alloc(1 << 20);
    } finally {
      ended.resolve();
    }
  };
  const socket = await raw("GET /images/x/get HTTP/1.1\r\nHost: d\r\n\r\n");
  let bytes = 0;
  while (bytes < 40 << 20) bytes += ((await once(socket, "data")) as [string])[0].length;
  socket.destroy();
  await ended.promise;
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warn);
  assert.deepEqual(warnings, []);
});

test("wait: sends its headers before the container ends", async () => {
  const result = Promise.withResolvers<WaitResult>();
  waited = () => result.promise;
  const socket = await raw(
    "POST /containers/c/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
  );
  const head = await readUntil(socket, (text) => text.includes("\r\n\r\n"));
  assert.match(head, /^HTTP\/1\.1 200 OK/);
  result.resolve({ StatusCode: 7 });
  assert.match(await toEnd(socket), /{"StatusCode":7}/);
});

test("wait: an unknown container and an unknown condition are refused by status", async () => {
  assert.deepEqual(await message("POST", "/containers/nope/wait"), [404, "No such container: nope"]);
  assert.deepEqual(await message("POST", "/containers/c/wait?condition=foo"), [400, 'invalid condition: "foo"']);
});

test("wait: a failure after the headers is told in the body", async () => {
  waited = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, "lost");
  };
  const { status, text } = await ask("POST", "/containers/c/wait");
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), { StatusCode: 255, Error: { Message: "lost" } });
});

test("events: streams line by line until the client goes away", async () => {
  const filters = encodeURIComponent(JSON.stringify({ type: { image: true, volume: false } }));
  const socket = await raw(
    `GET /events?since=1.5&until=9999999999.000000001&filters=${filters} HTTP/1.1\r\nHost: d\r\n\r\n`,
  );
  const text = await readUntil(socket, (all) => all.includes("}}\n"));
  assert.match(text, /Content-Type: application\/json/);
  assert.equal(seen.events?.since, 1_500_000_000n);
  assert.equal(seen.events?.until, 9_999_999_999_000_000_001n);
  assert.deepEqual(seen.events?.filters, new Map([["type", ["image"]]]));
  const gone = once(seen.events.signal, "abort");
  socket.destroy();
  await gone;
});

test("events: refuses a range that ends before it begins, in Docker's words", async () => {
  assert.deepEqual(await message("GET", "/events?since=20&until=10"), [
    400,
    "`since` time (20) cannot be after `until` time (10)",
  ]);
  assert.deepEqual(await message("GET", "/events?since=x"), [400, 'strconv.ParseInt: parsing "x": invalid syntax']);
});

for (const [name, headers, first] of [
  [
    "with upgrade",
    UPGRADE,
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  ],
  ["without upgrade", "Host: d\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"],
] as const) {
  test(`attach: takes the connection over ${name}`, async () => {
    attachOutput = greeting;
    const socket = await raw(`POST ${ATTACH} HTTP/1.1\r\n${headers}`);
    assert.equal(await toEnd(socket), first + FRAMES);
  });

  test(`attach: output outlives the end of the client's input ${name}`, async () => {
    inputEnded = Promise.withResolvers();
    seen.written = [];
    attachOutput = async function* () {
      await inputEnded.promise;
      yield { stream: "stdout", bytes: Buffer.from("late") };
    };
    const socket = await raw(`POST ${ATTACH}&stdin=1 HTTP/1.1\r\n${headers}`);
    assert.equal(await readUntil(socket, (text) => text.endsWith("\r\n\r\n")), first);
    socket.end("input\r\n");
    assert.equal(await toEnd(socket), "\x01\0\0\0\0\0\0\x04late");
    assert.equal(seen.written.join(""), "input\r\n");
  });

  test(`attach: lets a running container go once its output finds the client gone ${name}`, async () => {
    const gone = Promise.withResolvers<void>();
    attachOutput = async function* () {
      yield { stream: "stdout", bytes: Buffer.from("x") };
      await gone.promise;
      yield { stream: "stdout", bytes: Buffer.from("y") };
      await new Promise(() => undefined);
    };
    const before = seen.disposed;
    const socket = await raw(`POST ${ATTACH} HTTP/1.1\r\n${headers}`);
    await readUntil(socket, (text) => text.endsWith("\x01x"));
    socket.destroy();
    await once(socket, "close");
    gone.resolve();
    while (seen.disposed === before) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test(`attach: output that fails cuts the connection and writes nothing into it ${name}`, async () => {
    failures.length = 0;
    attachOutput = async function* () {
      yield { stream: "stdout", bytes: Buffer.from("x") };
      throw new Error("pipe broke");
    };
    const socket = await raw(`POST ${ATTACH} HTTP/1.1\r\n${headers}`);
    socket.on("error", () => undefined);
    assert.ok(!(await toEnd(socket)).includes("pipe broke"));
    assert.equal(failures.length, 1);
  });
}

test("attach: an unknown container is refused by status, also when the client asked for an upgrade", async () => {
  const socket = await raw(`POST /containers/nope/attach HTTP/1.1\r\n${UPGRADE}`);
  const text = await toEnd(socket);
  assert.match(text, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.match(text, /{"message":"No such container: nope"}/);
});

test("attach: an upgrade whose body comes behind the headers is answered", async () => {
  inputEnded = Promise.withResolvers();
  seen.written = [];
  attachOutput = async function* () {
    await inputEnded.promise;
    yield { stream: "stdout", bytes: Buffer.from("late") };
  };
  const headers = "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n";
  const socket = await raw(`POST ${ATTACH}&stdin=1 HTTP/1.1\r\n${headers}`);
  assert.match(await readUntil(socket, (text) => text.endsWith("\r\n\r\n")), /^HTTP\/1\.1 101 UPGRADED\r\n/);
  socket.end("{}input");
  assert.equal(await toEnd(socket), "\x01\0\0\0\0\0\0\x04late");
  assert.equal(seen.written.join(""), "input");
});

test("attach: before API 1.42 the stream is called raw", async () => {
  attachOutput = async function* () {};
  const socket = await raw(`POST /v1.41${ATTACH} HTTP/1.1\r\n${UPGRADE}`);
  assert.match(await toEnd(socket), /raw-stream/);
});

test("errors: a short body is taken before the answer, a long one is not waited for", async () => {
  const send = (): ReturnType<typeof httpRequest> =>
    httpRequest({ socketPath, method: "POST", path: "/v1.45/nosuch", headers: { "Transfer-Encoding": "chunked" } });
  let answered = false;
  const short = send().on("response", () => {
    answered = true;
  });
  short.write("a");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered, false);
  short.end("b");
  const [response] = await once(short, "response");
  assert.equal(Reflect.get(Object(response), "statusCode"), 404);
  const long = send();
  long.on("error", () => undefined).write(Buffer.alloc(1 << 20));
  const [early] = await once(long, "response");
  assert.equal(Reflect.get(Object(early), "statusCode"), 404);
  long.destroy();
  short.destroy();
});
