import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { openBuildHistory } from "#build";
import type { BuildRequest, BuildService, DebugShells, PreparedBuild } from "#build";
import type { LocalBuildMessage, LocalBuildRequest } from "#engineapi";
import { EngineError } from "#errors";
import { digestOf } from "#oci";
import { createApiServer } from "../server.ts";
import type { ApiServer } from "../server.ts";
import type { SystemBackend } from "#engine";
import type { Backends } from "../backends.ts";

let folder = "";
let server: ApiServer;
/** What the build under test does. */
let work: (request: BuildRequest) => Promise<Readonly<Record<string, string>>>;

const neverAsked = async (): Promise<never> => assert.fail("no files are looked at");
const NO_FILES = { read: neverAsked, stat: neverAsked, list: neverAsked };

const builds: BuildService = {
  prepare: async (request) =>
    ({
      plan: { targets: [], dockerfile: { filename: "Dockerfile", text: "" } },
      files: NO_FILES,
      evaluate: async () => [],
      run: () => work(request),
      [Symbol.asyncDispose]: async () => undefined,
    }) satisfies PreparedBuild,
  cache: { list: async () => [], prune: async () => [] },
  history: openBuildHistory({ directory: undefined, now: Date.now, onFailure: () => undefined }),
};

const SHELL = {
  command: ["/bin/sh"],
  network: "none",
  mounts: [{ type: "bind", source: "/s", target: "/t", readOnly: true }],
  environment: ["A=b"],
} as const;
let shellsClosed = 0;

const debugShells: DebugShells = {
  open: async ({ error }) => ({
    imageId: digestOf(String(error)),
    ...SHELL,
    [Symbol.asyncDispose]: async () => void (shellsClosed += 1),
  }),
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-local-build-"));
  const system: Partial<SystemBackend> = {
    sharedDirectory: async (_socket, machine, { path, inode }) => (`${machine}${inode}` === "m1" ? path : undefined),
  };
  server = createApiServer({ build: builds, system, debugShells } as unknown as Backends, {
    serverHeader: "test",
    onFailure: () => undefined,
  });
  server.listen(join(folder, "s"));
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function call(options: RequestOptions, body?: string): Promise<IncomingMessage> {
  const request = httpRequest({ socketPath: join(folder, "s"), ...options });
  const response = once(request, "response") as Promise<[IncomingMessage]>;
  request.end(body);
  return (await response)[0];
}

const REQUEST: LocalBuildRequest = {
  ref: "r",
  attributes: { "build-arg:A": "b" },
  exports: [{ type: "local", attributes: {} }],
  cacheImports: [],
  cacheExports: [],
  entitlements: [],
  explain: false,
  debugShell: false,
  machine: "m",
  directories: {},
};

interface Started {
  readonly response: IncomingMessage;
  /** The next message that is no status. */
  readonly next: () => Promise<LocalBuildMessage>;
  /** Path of answers to an ask. */
  readonly at: (message: LocalBuildMessage, more?: string) => string;
}

async function start(request: Partial<LocalBuildRequest> = {}): Promise<Started> {
  const response = await call(
    { method: "POST", path: "/varve/v1/build", headers: { "Content-Type": "application/json" } },
    JSON.stringify({ ...REQUEST, ...request }),
  );
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async (): Promise<LocalBuildMessage> => {
    const line = await lines.next();
    return line.done === true ? {} : (JSON.parse(line.value) as LocalBuildMessage);
  };
  const { build = "" } = await next();
  assert.match(build, /^[0-9a-f]{32}$/);
  return { response, next, at: ({ ask }, more = "") => `/varve/v1/build/ask?build=${build}&ask=${ask?.id}${more}` };
}

test("local build: typed options, progress, result", async () => {
  work = async ({ options, progress }) => {
    progress({ vertexes: [{ digest: "d", name: String(options.buildArguments.get("A")) }] });
    return { "containerimage.digest": "sha256:1" };
  };
  const { next } = await start();
  assert.deepEqual(await next(), { status: { vertexes: [{ digest: "d", name: "b" }] } });
  assert.deepEqual(await next(), { result: { "containerimage.digest": "sha256:1" } });
});

test("local build: a failure tells its place in the Dockerfile", async () => {
  const source = { filename: "Dockerfile", text: "FROM x", ranges: [{ start: 1, end: 1 }] };
  work = async () => {
    throw new EngineError("not_found", "X", "x: not found", { details: { source } });
  };
  const { next } = await start();
  const error = { category: "not_found", message: "x: not found", source };
  assert.deepEqual(await next(), { error });
});

test("local build: a shell where a step failed can be had until the client cancels", async () => {
  work = async () => {
    throw new EngineError("internal", "X", "exit code: 1");
  };
  const started = await start({ debugShell: true });
  const shell = { imageId: digestOf("EngineError: exit code: 1"), ...SHELL };
  assert.deepEqual((await started.next()).error?.shell, shell);
  assert.equal(shellsClosed, 0);
  await call({ method: "DELETE", path: started.at({}).replace("/ask", "") });
  assert.deepEqual(await started.next(), {});
  assert.equal(shellsClosed, 1);
});

test("local build: a directory is read in place where the engine allows it", async () => {
  work = async ({ session }) => ({
    same: String(await session.localDirectory("same")),
    other: String(await session.localDirectory("other")),
    missing: String(await session.localDirectory("missing")),
    toString: String(await session.localDirectory("toString")),
  });
  const same = { path: "/same", device: "1", inode: "1" };
  const { next } = await start({ directories: { same, other: { ...same, inode: "2" } } });
  const none = "undefined";
  assert.deepEqual(await next(), { result: { same: "/same", other: none, missing: none, toString: none } });
});

test("local build: a directory comes as a tar; what is not offered is not asked for", async () => {
  work = async ({ session, signal }) => {
    let received = 0;
    const onProgress = (bytes: number): void => void (received = bytes);
    const wanted = { followPaths: ["a"], includes: [], excludes: ["b"], signal, onProgress };
    const receiver = { entry: () => true, write: () => undefined, end: () => undefined, drained: () => undefined };
    await session.sendDirectory("context", wanted, receiver);
    const other = await session.sendDirectory("x", wanted, receiver).then(String, (error: Error) => error.message);
    return { received: String(received), other };
  };
  const started = await start({ directories: { context: { path: "/x", device: "1", inode: "2" } } });
  const asked = await started.next();
  const question = { kind: "directory", name: "context", followPaths: ["a"], includes: [], excludes: ["b"] };
  assert.deepEqual(asked.ask, { id: 1, ...question });
  const answer = await call({ method: "POST", path: started.at(asked) }, "\0".repeat(1024));
  assert.equal(answer.statusCode, 204);
  assert.deepEqual(await started.next(), { result: { received: "1024", other: 'no access allowed to dir "x"' } });
  assert.equal((await call({ method: "POST", path: started.at(asked) })).statusCode, 404);
});

test("local build: secrets, also one that the client does not have", async () => {
  work = async ({ session }) => ({
    secret: Buffer.from(await session.secret("s")).toString(),
    missing: await session.secret("none").then(String, (error: Error) => error.message),
    user: String((await session.credentials("registry"))?.username),
  });
  const started = await start();
  const first = await started.next();
  assert.deepEqual(first.ask, { id: 1, kind: "secret", secret: "s" });
  await call({ method: "POST", path: started.at(first) }, "hush");
  const second = await started.next();
  await call({ method: "POST", path: started.at(second, `&error=${encodeURIComponent("secret none: not found")}`) });
  const third = await started.next();
  assert.deepEqual(third.ask, { id: 3, kind: "credentials", host: "registry" });
  await call({ method: "POST", path: started.at(third) }, JSON.stringify({ username: "me", password: "x" }));
  assert.deepEqual(await started.next(), { result: { secret: "hush", missing: "secret none: not found", user: "me" } });
});

test("local build: a content store of the client", async () => {
  const digest = digestOf("x");
  work = async ({ session }) => {
    const store = await session.contentStore("s");
    const missing = await store.info(digest);
    const size = await store.info(digest);
    const read: Uint8Array[] = [];
    for await (const chunk of store.read(digest, { offset: 1, length: 2 })) read.push(chunk);
    await store.write(
      digest,
      3,
      (async function* () {
        yield Buffer.from("abc");
      })(),
    );
    return { missing: String(missing === undefined), size: String(size?.size), read: Buffer.concat(read).toString() };
  };
  const started = await start();
  await call({ method: "POST", path: started.at(await started.next(), "&error=none") });
  const info = await started.next();
  assert.deepEqual(info.ask, { id: 2, kind: "blobInfo", store: "s", digest });
  await call({ method: "POST", path: started.at(info) }, '{"size":7}');
  const read = await started.next();
  assert.deepEqual(read.ask, { id: 3, kind: "blobRead", store: "s", digest, offset: 1, length: 2 });
  await call({ method: "POST", path: started.at(read) }, "yz");
  const write = await started.next();
  assert.deepEqual(write.ask, { id: 4, kind: "blobWrite", store: "s", digest, size: 3 });
  assert.equal(await text(await call({ path: started.at(write) })), "abc");
  assert.deepEqual(await started.next(), { result: { missing: "true", size: "7", read: "yz" } });
});

test("local build: outputs are fetched; one that breaks is seen to be broken", async () => {
  work = async ({ session, signal }) => {
    const target = { index: 0, response: { a: "b" }, signal };
    await session.sendTar(
      target,
      (async function* () {
        yield Buffer.from("tar");
      })(),
    );
    const failing = (async function* () {
      yield Buffer.from("half");
      throw new Error("disk");
    })();
    return { failed: await session.sendTree(target, failing).then(String, (error: Error) => error.message) };
  };
  const started = await start();
  const first = await started.next();
  assert.deepEqual(first.ask, { id: 1, kind: "tar", index: 0, response: { a: "b" } });
  assert.equal(await text(await call({ path: started.at(first) })), "tar");
  const second = await started.next();
  await assert.rejects(async () => text(await call({ path: started.at(second) })));
  assert.deepEqual(await started.next(), { result: { failed: "disk" } });
});

test("local build: a connection to the client's ssh agent", async () => {
  work = async ({ session }) => {
    const agent = await session.connectSshAgent("default");
    agent.write("ping");
    const [answer] = (await once(agent, "data")) as [Uint8Array];
    agent.destroy();
    return { answer: Buffer.from(answer).toString() };
  };
  const started = await start();
  const asked = await started.next();
  assert.deepEqual(asked.ask, { id: 1, kind: "ssh", agent: "default" });
  const headers = { Connection: "Upgrade", Upgrade: "tcp" };
  const request = httpRequest({ socketPath: join(folder, "s"), method: "POST", path: started.at(asked), headers });
  request.end();
  const [, socket, head] = (await once(request, "upgrade")) as [IncomingMessage, Duplex, Uint8Array];
  const ping = head.byteLength > 0 ? head : ((await once(socket, "data")) as [Uint8Array])[0];
  assert.equal(Buffer.from(ping).toString(), "ping");
  socket.write("pong");
  assert.deepEqual(await started.next(), { result: { answer: "pong" } });
  socket.destroy();
});

test("local build: a client that goes cancels its build, and what it was asked", async () => {
  const over = Promise.withResolvers<string>();
  work = async ({ session }) => {
    await session.secret("s").catch((error: Error) => over.resolve(error.message));
    return {};
  };
  const { response, next } = await start();
  await next();
  response.destroy();
  assert.equal(await over.promise, "the client went away");
});

test("local build: a client may cancel and hear how it ended", async () => {
  work = async ({ signal }) => {
    await once(signal, "abort");
    throw signal.reason;
  };
  const started = await start();
  const path = started.at({}).replace("/ask", "");
  assert.equal((await call({ method: "DELETE", path })).statusCode, 204);
  assert.deepEqual(await started.next(), { error: { category: "cancelled", message: "context canceled" } });
  assert.equal((await call({ method: "DELETE", path })).statusCode, 404);
});

test("local build: a request that cannot be read names what is wrong", async () => {
  for (const [body, message] of [
    [[], "no object"],
    [{}, "ref"],
    [{ ...REQUEST, exports: [{}] }, "exports[0].type"],
    [{ ...REQUEST, attributes: { a: 1 } }, "attributes.a"],
    [{ ...REQUEST, directories: { a: { path: "x", device: "", inode: "" } } }, "directories.a.path is not absolute"],
  ] as const) {
    const response = await call(
      { method: "POST", path: "/varve/v1/build", headers: { "Content-Type": "application/json" } },
      JSON.stringify(body),
    );
    assert.equal(response.statusCode, 400);
    assert.deepEqual(JSON.parse(await text(response)), { message: `invalid build request: ${message}` });
  }
});
