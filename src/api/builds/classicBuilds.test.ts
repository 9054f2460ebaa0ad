import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import { openBuildHistory } from "#build";
import type { BuildRequest, BuildService, PreparedBuild } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { Backends } from "../backends.ts";
import { createApiServer } from "../server.ts";
import type { ApiServer } from "../server.ts";

let folder = "";
let server: ApiServer;
let seen: BuildRequest | undefined;
let prepare: () => Promise<void>;
let run: () => Promise<Readonly<Record<string, string>>>;

const neverAsked = async (): Promise<never> => assert.fail("no files are looked at");
const NO_FILES = { read: neverAsked, stat: neverAsked, list: neverAsked };

const builds: BuildService = {
  prepare: async (request) => {
    seen = request;
    await prepare();
    return {
      plan: { targets: [], dockerfile: { filename: "Dockerfile", text: "FROM scratch\nARG A\nCMD a < b\n" } },
      files: NO_FILES,
      evaluate: async () => [],
      run: () => run(),
      [Symbol.asyncDispose]: async () => undefined,
    } satisfies PreparedBuild;
  },
  cache: { list: async () => [], prune: async () => [] },
  history: openBuildHistory({ directory: undefined, now: Date.now, onFailure: () => undefined }),
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-classic-"));
  seen = undefined;
  prepare = async () => undefined;
  run = async () => ({ "containerimage.config.digest": `sha256:${"1".repeat(64)}` });
  server = createApiServer({ build: builds } as unknown as Backends, { serverHeader: "x", onFailure: () => undefined });
  server.listen(join(folder, "s"));
  await once(server, "listening");
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function post(
  query: Readonly<Record<string, string>>,
  body = "tar",
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const path = `/v1.45/build?${new URLSearchParams(query).toString()}`;
  const request = httpRequest({ socketPath: join(folder, "s"), method: "POST", path, headers });
  const response = once(request, "response") as Promise<[IncomingMessage]>;
  request.end(body);
  const [answer] = await response;
  return { status: answer.statusCode ?? 0, text: await text(answer) };
}

test("classic build: the body is the context; lines as dockerd writes them", async () => {
  run = async () => {
    let context = "";
    for await (const chunk of seen?.session.upload("u") ?? []) context += Buffer.from(chunk).toString();
    return { "containerimage.config.digest": `sha256:${context}` };
  };
  const { status, text: answer } = await post({ t: "x", buildargs: '{"A":"1","B":"2","C":null}' }, "f00");
  assert.equal(status, 200);
  assert.equal(seen?.options.context, "http://buildkit-session/body");
  assert.deepEqual(seen?.exports, [{ type: "moby", attributes: { name: "x:latest" } }]);
  const lines = answer.split("\r\n");
  assert.equal(lines[0], '{"stream":"Step 1/3 : FROM scratch"}');
  assert.ok(lines.includes('{"stream":"Step 3/3 : CMD a \\u003c b"}'));
  assert.deepEqual(lines.slice(-6), [
    '{"stream":" ---\\u003e f00\\n"}',
    '{"aux":{"ID":"sha256:f00"}}',
    '{"stream":"[Warning] One or more build-args [B C] were not consumed\\n"}',
    '{"stream":"Successfully built f00\\n"}',
    '{"stream":"Successfully tagged x:latest\\n"}',
    "",
  ]);
});

test("classic build: query and header become options", async () => {
  const config = Buffer.from(JSON.stringify({ "https://index.docker.io/v1/": { username: "me", password: "p" } }));
  const { text: answer } = await post(
    {
      q: "1",
      dockerfile: "D",
      target: "T",
      nocache: "1",
      pull: "1",
      labels: '{"l":"m"}',
      networkmode: "host",
      shmsize: "1024",
      ulimits: '[{"Name":"nofile","Soft":1,"Hard":2}]',
      extrahosts: "a:::1",
      memory: "5",
      platform: "linux/arm64",
      remote: "https://example.com/x.git",
      cachefrom: '["c"]',
    },
    "",
    { "X-Registry-Config": config.toString("base64url") },
  );
  assert.equal(answer, `{"stream":"sha256:${"1".repeat(64)}\\n"}\r\n`);
  const options = seen?.options;
  assert.deepEqual(
    [options?.filename, options?.target, options?.noCache, options?.imageResolveMode, options?.networkMode],
    ["D", "T", "all", "pull", "host"],
  );
  assert.deepEqual([options?.shmSize, options?.ulimits, options?.addHosts], [1024, ["nofile=1:2"], ["a=::1"]]);
  assert.deepEqual([options?.context, options?.labels.get("l")], ["https://example.com/x.git", "m"]);
  assert.equal(options?.platforms[0]?.architecture, "arm64");
  assert.deepEqual(seen?.cacheImports, [{ type: "registry", attributes: { ref: "c" } }]);
  assert.deepEqual(seen?.entitlements, ["network.host"]);
  assert.deepEqual(await seen?.session.credentials("registry-1.docker.io"), { username: "me", password: "p" });
  assert.equal(await seen?.session.credentials("other"), undefined);
});

test("classic build: what is wrong with the request is a status", async () => {
  for (const [query, status, message] of [
    [{ version: "3" }, 400, 'invalid version "3"'],
    [{ squash: "1" }, 400, "squash is only supported with experimental mode"],
    [{ securityopt: "x" }, 400, "security options are not supported on linux"],
    [{ remote: "/nosuch" }, 500, "remoteURL (/nosuch) could not be recognized as URL"],
    [{ networkmode: "container:x" }, 400, 'network mode "container:x" not supported by buildkit'],
  ] as const) {
    const answer = await post(query);
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [status, { message }]);
  }
  assert.equal((await post({ version: "2" })).status, 501);
  assert.match((await post({ buildargs: "{" })).text, /error reading build args/);
  assert.match((await post({ labels: '{"a":1}' })).text, /error reading labels/);
});

test("classic build: a Dockerfile that is missing or wrong is a status, other failures are lines", async () => {
  prepare = async () => {
    throw new EngineError("not_found", ErrorCode.INVALID_DOCKERFILE, "failed to read dockerfile");
  };
  assert.deepEqual(await post({ dockerfile: "no" }), {
    status: 500,
    text: '{"message":"Cannot locate specified Dockerfile: no"}\n',
  });
  prepare = async () => {
    throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, "x: not found");
  };
  assert.deepEqual(await post({}), {
    status: 200,
    text: '{"errorDetail":{"message":"x: not found"},"error":"x: not found"}\r\n',
  });
});

test("classic build: cancelled by its id", async () => {
  const begun = Promise.withResolvers<void>();
  run = async () => {
    begun.resolve();
    await once(seen?.signal ?? new EventTarget(), "abort");
    throw seen?.signal.reason;
  };
  const answer = post({ buildid: "b" });
  await begun.promise;
  const cancel = async (query: string): Promise<number> => {
    const path = `/build/cancel${query}`;
    const request = httpRequest({ socketPath: join(folder, "s"), method: "POST", path });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  };
  assert.equal(await cancel("?id=other"), 200);
  assert.equal(await cancel("?id=b"), 200);
  assert.equal(await cancel(""), 400);
  assert.match((await answer).text, /"errorDetail":\{"message":"context canceled"\}/);
});
