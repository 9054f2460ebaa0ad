import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ContextReceiver } from "#build";
import { EngineError, ErrorCode, isConflict, isInvalidArgument, isNotFound, isUnavailable } from "#errors";
import { digestOf } from "#oci";
import { bidirectional, serverStream, unary } from "../grpc/server.ts";
import type { Method } from "../grpc/server.ts";
import { GrpcCode, GrpcError } from "../grpc/status.ts";
import { connection, servedBy } from "../grpc/testPeers.ts";
import { forBuild } from "./directories.ts";
import { identityOf } from "./identity.ts";
import { SessionMethod } from "./methods.ts";
import { SessionRegistry } from "./registry.ts";
import { GrpcSession } from "./session.ts";

function sessionWith(t: TestContext, methods: Readonly<Record<string, Method>>, id = "s1"): GrpcSession {
  const identity = { id, sharedKey: "", methods: Object.keys(methods) };
  const session = new GrpcSession(identity, servedBy(t, methods));
  t.after(() => session.close());
  return session;
}

function notFound(message: string): EngineError {
  return new EngineError("not_found", ErrorCode.BAD_REQUEST, message);
}

const noFiles: ContextReceiver = {
  entry: () => false,
  write: () => undefined,
  end: () => undefined,
  drained: () => undefined,
};

const wanted = {
  followPaths: undefined,
  includes: [],
  excludes: [],
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

const output = { index: 2, response: { "image.name": "x" }, signal: wanted.signal };

async function* bytesOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("session: secrets come, absent ones are told in BuildKit's words", async (t) => {
  const session = sessionWith(t, {
    [SessionMethod.SECRET]: unary("GetSecretRequest", "Bytes", ({ id }) => ({ data: Buffer.from(`<${id}>`) })),
  });
  assert.equal(Buffer.from(await session.secret("key")).toString(), "<key>");
  const without = sessionWith(t, {
    [SessionMethod.SECRET]: unary("GetSecretRequest", "Bytes", () => {
      throw new GrpcError(GrpcCode.NOT_FOUND, "rpc error: code = NotFound desc = not found");
    }),
  });
  await assert.rejects(without.secret("key"), { message: "secret key: not found" });
  await assert.rejects(sessionWith(t, {}).secret("key"), { message: "secret key: not found" });
});

test("session: credentials are a password, a token, or none", async (t) => {
  const answers: Readonly<Record<string, readonly [string, string]>> = {
    "registry-1.docker.io": ["me", "pw"],
    "r.example": ["", "token"],
    other: ["", ""],
  };
  const session = sessionWith(t, {
    [SessionMethod.CREDENTIALS]: unary("CredentialsRequest", "CredentialsResponse", ({ host }) => {
      const [username, secret] = answers[host] ?? [];
      return { username, secret };
    }),
  });
  assert.deepEqual(await session.credentials("docker.io"), { username: "me", password: "pw" });
  assert.deepEqual(await session.credentials("r.example"), { identityToken: "token" });
  assert.equal(await session.credentials("other"), undefined);
  assert.equal(await sessionWith(t, {}).credentials("other"), undefined);
});

test("session: a client that gives tokens is asked for them, and for a password where a registry wants one", async (t) => {
  const asked: unknown[] = [];
  const session = sessionWith(t, {
    [SessionMethod.CREDENTIALS]: unary("CredentialsRequest", "CredentialsResponse", () => ({
      username: "me",
      secret: "pw",
    })),
    [SessionMethod.TOKEN_AUTHORITY]: unary("TokenAuthorityRequest", "TokenAuthorityResponse", ({ host, salt }) => {
      if (host === "plain") throw new GrpcError(GrpcCode.UNAVAILABLE, "client side tokens disabled");
      return { publicKey: salt };
    }),
    [SessionMethod.FETCH_TOKEN]: unary("FetchTokenRequest", "FetchTokenResponse", (request) => {
      asked.push(request);
      return { token: "t", expiresIn: 300n };
    }),
  });
  assert.deepEqual(await session.credentials("plain"), { username: "me", password: "pw" });
  const { holder } = (await session.credentials("docker.io")) ?? {};
  const wanted = { realm: "http://t/token", service: "reg", scopes: ["repository:a:pull"] };
  assert.deepEqual(await holder?.token(wanted), { bearer: "t", expiresInS: 300 });
  assert.deepEqual(asked, [{ ...wanted, clientId: "buildkit-client", host: "registry-1.docker.io" }]);
  assert.deepEqual(await holder?.password(), { username: "me", password: "pw" });
});

test("session: a directory is asked for by name and patterns; odd characters are escaped, all or none", async (t) => {
  const seen: Record<string, unknown>[] = [];
  const session = sessionWith(t, {
    [SessionMethod.SYNC]: bidirectional("Packet", "Packet", async (requests, { headers }, answer) => {
      seen.push(headers);
      await answer({});
      for await (const { type } of requests) {
        await answer({ type });
        return;
      }
    }),
  });
  const asked = { ...wanted, followPaths: ["a b", "c"], excludes: ["ä b", "c,d"] };
  await session.sendDirectory("context", asked, noFiles);
  assert.equal(seen[0]?.["dir-name"], "context");
  assert.equal(seen[0]?.["followpaths"], "a b, c");
  assert.equal(seen[0]?.["exclude-patterns"], "%C3%A4+b, c%2Cd");
  assert.equal(seen[0]?.["exclude-patterns-encoded"], "1");
  assert.equal(seen[0]?.["followpaths-encoded"], undefined);
  assert.equal(seen[0]?.["include-patterns"], undefined);
  await assert.rejects(sessionWith(t, {}).sendDirectory("context", wanted, noFiles), {
    message: "no local sources enabled",
  });
});

test("session: an upload is read by the parts of its URL", async (t) => {
  const session = sessionWith(t, {
    [SessionMethod.UPLOAD]: bidirectional("Bytes", "Bytes", async (_requests, { headers }, answer) => {
      await answer({ data: Buffer.from(`${String(headers["urlhost"])} `) });
      await answer({ data: Buffer.from(String(headers["urlpath"])) });
    }),
  });
  assert.equal(await textOf(session.upload("http://buildkit-session/abc")), "buildkit-session /abc");
});

test("session: an archive goes out in small messages, with the response so far", async (t) => {
  let headers: Readonly<Record<string, unknown>> = {};
  let got = "";
  const sizes: number[] = [];
  const session = sessionWith(t, {
    [SessionMethod.SEND]: bidirectional("Bytes", "Bytes", async (requests, call) => {
      headers = call.headers;
      for await (const { data } of requests) {
        sizes.push(data.length);
        got += Buffer.from(data).toString();
      }
    }),
  });
  const text = "x".repeat(100_000);
  await session.sendTar(output, bytesOf(text, "end"));
  assert.equal(got, `${text}end`);
  assert.ok(Math.max(...sizes) <= 32 << 10);
  assert.equal(headers["buildkit-attachable-exporter-id"], "2");
  assert.equal(headers["exporter-md-image.name"], "x");
  await assert.rejects(sessionWith(t, {}).sendTar(output, bytesOf()), isNotFound);
});

test("session: a client that fails while it takes an archive fails the output", async (t) => {
  const session = sessionWith(t, {
    [SessionMethod.SEND]: bidirectional("Bytes", "Bytes", () => Promise.reject(notFound("no space left on device"))),
  });
  await assert.rejects(session.sendTar(output, bytesOf("a")), { message: "no space left on device" });
});

test("session: an agent's connection carries bytes both ways and ends", async (t) => {
  const session = sessionWith(t, {
    [SessionMethod.SSH_CHECK]: unary("CheckAgentRequest", "Empty", () => ({})),
    [SessionMethod.SSH_FORWARD]: bidirectional("Bytes", "Bytes", async (requests, { headers }, answer) => {
      for await (const { data } of requests)
        await answer({ data: Buffer.from(`${String(headers["buildkit.ssh.id"])}:${Buffer.from(data).toString()}`) });
    }),
  });
  const agent = await session.connectSshAgent("default");
  agent.write("hello");
  const [answer] = (await once(agent, "data")) as [Buffer];
  assert.equal(answer.toString(), "default:hello");
  agent.end();
  await once(agent, "close");
  await assert.rejects(sessionWith(t, {}).connectSshAgent("k"), /no SSH key "k" forwarded from the client/);
});

test("session: a content store is read and written as containerd's", async (t) => {
  const digest = digestOf("blob");
  const written: Buffer[] = [];
  let commit: string | undefined;
  const session = sessionWith(t, {
    [SessionMethod.CONTENT_INFO]: unary("ContentInfoRequest", "ContentInfoResponse", (_request, { headers }) => ({
      info: { size: BigInt(String(headers["buildkit-attachable-store-id"]).length) },
    })),
    [SessionMethod.CONTENT_READ]: serverStream("ReadContentRequest", "ReadContentResponse", async function* (request) {
      yield { data: Buffer.from(`${request.offset}+`) };
      yield { data: Buffer.from(`${request.size}`) };
    }),
    [SessionMethod.CONTENT_WRITE]: bidirectional(
      "WriteContentRequest",
      "WriteContentResponse",
      async (requests, _call, answer) => {
        for await (const { data, action, expected } of requests) {
          written.push(Buffer.from(data));
          if (action === 2) commit = expected;
          await answer({});
        }
      },
    ),
  });
  const store = await session.contentStore("local:c");
  assert.deepEqual(await store.info(digest), { size: "local:c".length });
  assert.deepEqual(await (await session.contentStore("name")).info(digest), { size: "oci:name".length });
  assert.equal(await textOf(store.read(digest, { offset: 3, length: 4 })), "3+4");
  await store.write(digest, 6, bytesOf("abc", "def"));
  assert.equal(Buffer.concat(written).toString(), "abcdef");
  assert.equal(commit, digest);
});

test("registry: a build waits for a session that is on its way; an id is taken once", async (t) => {
  const registry = new SessionRegistry();
  t.after(() => registry.close());
  const waiting = registry.get("s1");
  const session = registry.add({ id: "s1", sharedKey: "", methods: [] }, servedBy(t, {}));
  assert.equal(await waiting, session);
  assert.throws(() => registry.check("s1"), isConflict);
  assert.throws(() => registry.check(""), isInvalidArgument);
  session.close();
  await session.closed;
  registry.check("s1");
});

test("registry: who no longer waits is told so", async () => {
  const controller = new AbortController();
  const waiting = new SessionRegistry().get("never", controller.signal);
  controller.abort();
  await assert.rejects(waiting, isUnavailable);
});

test("registry: a session goes when its connection does", async (t) => {
  const registry = new SessionRegistry();
  const [near, far] = connection(t);
  const session = registry.add({ id: "s1", sharedKey: "", methods: [] }, near);
  far.destroy();
  near.destroy();
  await session.closed;
  registry.check("s1");
});

test("session: a build takes a directory from the session that is said to have it", async (t) => {
  const registry = new SessionRegistry();
  t.after(() => registry.close());
  const asked: string[] = [];
  const directory = (name: string): Readonly<Record<string, Method>> => ({
    [SessionMethod.SYNC]: bidirectional("Packet", "Packet", async (requests, { headers }, answer) => {
      asked.push(`${name}:${String(headers["dir-name"])}`);
      await answer({});
      for await (const { type } of requests) {
        await answer({ type });
        return;
      }
    }),
  });
  const other = directory("other");
  registry.add({ id: "o", sharedKey: "", methods: Object.keys(other) }, servedBy(t, other));
  const own = sessionWith(t, directory("own"));
  const session = forBuild(own, registry, { "local-sessionid:context": "o" });
  await session.sendDirectory("context", wanted, noFiles);
  await session.sendDirectory("dockerfile", wanted, noFiles);
  assert.deepEqual(asked, ["other:context", "own:dockerfile"]);
  assert.equal(forBuild(own, registry, {}), own);
});

test("identity: headers of an upgrade and metadata of a call say the same", () => {
  const names = { "x-docker-expose-session-uuid": "u", "x-docker-expose-session-sharedkey": "dir:hash" };
  const method = "x-docker-expose-session-grpc-method";
  const expected = { id: "u", sharedKey: "dir:hash", methods: ["/a/B", "/c/D"] };
  assert.deepEqual(identityOf({ ...names, [method]: ["/a/B", "/c/D"] }), expected);
  assert.deepEqual(identityOf({ ...names, [method]: "/a/B, /c/D" }), expected);
  assert.deepEqual(identityOf({}), { id: "", sharedKey: "", methods: [] });
});
