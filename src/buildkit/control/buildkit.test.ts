import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { openBuildHistory } from "#build";
import type { BuildHistory } from "#build";
import type { TestContext } from "node:test";
import type { BuildPlan, BuildRequest, BuildService, PruneCacheOptions, SourceLocation, TargetPlan } from "#build";
import { EngineError, ErrorCode, isCancelled } from "#errors";
import { digestOf } from "#oci";
import { createBuildkit } from "../buildkit.ts";
import type { Buildkit } from "../buildkit.ts";
import { GrpcClient } from "../grpc/client.ts";
import { bidirectional } from "../grpc/server.ts";
import type { Method } from "../grpc/server.ts";
import { GrpcError } from "../grpc/status.ts";
import { connection, servedBy } from "../grpc/testPeers.ts";
import { SessionMethod } from "../sessions/methods.ts";
import { encode } from "../wire/encode.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toDefinition } from "./resultDefinition.ts";

const STEP = digestOf("step");
const CONTROL = "/moby.buildkit.v1.Control";
const BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge";
const AMD64 = { os: "linux", architecture: "amd64" };

const neverAsked = async (): Promise<never> => assert.fail("no files are looked at");

/** Builds that say what they were asked, and end as they are told. */
class FakeBuilds implements BuildService {
  readonly requests: BuildRequest[] = [];
  readonly pruned: PruneCacheOptions[] = [];
  disposed = 0;
  plan: Partial<BuildPlan> = {};
  run: (request: BuildRequest) => Promise<void> = () => Promise.resolve();

  prepare: BuildService["prepare"] = (request) => {
    this.requests.push(request);
    const target: TargetPlan = {
      platform: AMD64,
      vertex: {
        digest: STEP,
        name: "RUN",
        inputs: [],
        operation: { kind: "scratch" },
      } as unknown as TargetPlan["vertex"],
      image: {
        platform: AMD64,
        author: undefined,
        config: {},
        history: [],
        epoch: undefined,
        base: undefined,
        materials: [],
      },
    };
    const plan: BuildPlan = { targets: [target], dockerfile: { filename: "Dockerfile", text: "" }, ...this.plan };
    return Promise.resolve({
      plan,
      files: { read: async () => Buffer.from("read"), stat: neverAsked, list: neverAsked },
      evaluate: () => Promise.resolve(plan.targets.map((one) => ({ ...one, diffIds: [], createdAt: [] }))),
      run: async () => {
        const started = "2026-11-25T12:00:00.123456Z";
        request.progress({ vertexes: [{ digest: STEP, name: "RUN x", started }] });
        await this.run(request);
        request.progress({ vertexes: [{ digest: STEP, name: "RUN x", started, completed: started, cached: true }] });
        return { "containerimage.digest": STEP };
      },
      [Symbol.asyncDispose]: () => {
        this.disposed += 1;
        return Promise.resolve();
      },
    });
  };

  readonly history: BuildHistory = openBuildHistory({
    directory: undefined,
    now: Date.now,
    onFailure: () => undefined,
  });

  readonly cache: BuildService["cache"] = {
    list: () =>
      Promise.resolve([
        {
          id: "c1",
          parents: ["p"],
          type: "regular",
          description: "RUN x",
          inUse: false,
          shared: true,
          mutable: false,
          size: 5e9,
          createdAt: 1500,
          lastUsedAt: undefined,
          usageCount: 3,
        },
      ]),
    prune: (options) => {
      this.pruned.push(options);
      return this.cache.list([]);
    },
  };
}

interface World {
  readonly builds: FakeBuilds;
  readonly buildkit: Buildkit;
  readonly client: GrpcClient;
}

function open(t: TestContext): World {
  const builds = new FakeBuilds();
  const buildkit = createBuildkit({
    builds,
    worker: { id: "w", labels: () => ({ l: "1" }), platforms: () => [AMD64], version: "v1" },
    onFailure: () => undefined,
  });
  const [near, far] = connection(t);
  void buildkit.serve(far);
  const client = new GrpcClient(near);
  t.after(() => {
    client.close();
    buildkit.close();
  });
  return { builds, buildkit, client };
}

/** A client's session with this id. */
function join(t: TestContext, buildkit: Buildkit, id: string, methods: Readonly<Record<string, Method>> = {}): void {
  const headers = {
    "x-docker-expose-session-uuid": id,
    "x-docker-expose-session-sharedkey": "dir:abc",
    "x-docker-expose-session-grpc-method": Object.keys(methods),
  };
  void buildkit.serveSession(headers, servedBy(t, methods));
}

const solve = (client: GrpcClient, request: Encodable<"SolveRequest">, signal?: AbortSignal): Promise<unknown> =>
  client.unary(`${CONTROL}/Solve`, ["SolveRequest", "SolveResponse"], request, { signal });

const inBuild = (ref: string): { readonly metadata: Readonly<Record<string, string>> } => ({
  metadata: { "buildkit-controlapi-buildid": ref },
});

const ask = (client: GrpcClient, ref: string, attributes: Readonly<Record<string, string>> = {}) =>
  client.unary(
    `${BRIDGE}/Solve`,
    ["BridgeSolveRequest", "BridgeSolveResponse"],
    { frontend: "dockerfile.v0", frontendOpt: attributes },
    inBuild(ref),
  );

const giveBack = (client: GrpcClient, ref: string, answer: Encodable<"ReturnRequest">): Promise<unknown> =>
  client.unary(`${BRIDGE}/Return`, ["ReturnRequest", "Empty"], answer, inBuild(ref));

async function follow(client: GrpcClient, ref: string): Promise<readonly Decoded<"StatusResponse">[]> {
  const call = client.open(`${CONTROL}/Status`, ["StatusRequest", "StatusResponse"]);
  await call.send({ ref });
  call.end();
  const events: Decoded<"StatusResponse">[] = [];
  for await (const event of call.messages()) events.push(event);
  return events;
}

async function history(
  client: GrpcClient,
  request: Encodable<"HistoryRequest">,
): Promise<readonly Decoded<"HistoryEvent">[]> {
  const call = client.open(`${CONTROL}/ListenBuildHistory`, ["HistoryRequest", "HistoryEvent"]);
  await call.send({ earlyExit: true, ...request });
  call.end();
  const events: Decoded<"HistoryEvent">[] = [];
  for await (const event of call.messages()) events.push(event);
  return events;
}

test("buildkit: a build as buildx makes it, in whatever order its calls come", async (t) => {
  const { builds, buildkit, client } = open(t);
  const status = follow(client, "b1");
  const ping = client.unary(`${BRIDGE}/Ping`, ["Empty", "Pong"], {}, inBuild("b1"));
  const solved = solve(client, {
    ref: "b1",
    session: "s1",
    exporters: [{ type: "moby", attrs: { name: "n" } }],
    cache: { imports: [{ type: "registry", attrs: { ref: "r" } }] },
    entitlements: ["network.host"],
  });
  join(t, buildkit, "s1");
  const { frontendCaps } = await ping;
  assert.ok(frontendCaps.some(({ id }) => id === "return"));
  const attributes = { filename: "D", "context:other": "local:other", "sharedkey:localdir:context": "hint" };
  const { result } = await ask(client, "b1", attributes);
  assert.match(result?.ref?.id ?? "", /^b1:/);
  await giveBack(client, "b1", { result });
  assert.deepEqual(JSON.parse(JSON.stringify(await solved)), { exporterResponse: { "containerimage.digest": STEP } });
  const [request] = builds.requests;
  assert.equal(request?.options.filename, "D");
  assert.deepEqual(
    request?.exports,
    [{ type: "moby", attributes: { name: "n" } }].map((one) => ({
      ...one,
      attributes: Object.assign(Object.create(null), one.attributes),
    })),
  );
  assert.equal(request?.cacheImports[0]?.attributes["ref"], "r");
  assert.deepEqual(request?.entitlements, ["network.host"]);
  assert.deepEqual(Object.fromEntries(request?.options.sharedKeys ?? []), {
    context: "hint:dir:abc",
    dockerfile: ":dir:abc",
    other: ":dir:abc",
  });
  const events = await status;
  assert.equal(events.length, 2);
  assert.deepEqual({ ...events[0]?.vertexes[0]?.started }, { seconds: 1_795_608_000n, nanos: 123_456_000 });
  assert.equal(events[1]?.vertexes[0]?.cached, true);
  assert.deepEqual(await follow(client, "b1"), events);
  assert.equal(builds.disposed, 1);
});

test("buildkit: a question about capabilities builds nothing", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const solved = solve(client, { ref: "b1", session: "s1", internal: true });
  await giveBack(client, "b1", { result: { ref: {} } });
  assert.deepEqual(JSON.parse(JSON.stringify(await solved)), { exporterResponse: {} });
  assert.equal(builds.requests.length, 0);
  assert.deepEqual(await history(client, {}), []);
});

test("buildkit: a result of several platforms has a ref for each", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  void solve(client, { ref: "b1", session: "s1" }).catch(() => undefined);
  const { result } = await ask(client, "b1", { "multi-platform": "true" });
  assert.deepEqual(Object.keys(result?.refs?.refs ?? {}), ["linux/amd64"]);
  const platforms = Buffer.from(result?.metadata["refs.platforms"] ?? []).toString();
  assert.deepEqual(JSON.parse(platforms), { Platforms: [{ ID: "linux/amd64", Platform: AMD64 }] });
  builds.plan = { targets: [], answer: new Map([["result.txt", Buffer.from("ok")]]) };
  const { result: answer } = await ask(client, "b1", { requestid: "frontend.targets" });
  assert.equal(answer?.ref?.id, "");
  assert.equal(Buffer.from(answer?.metadata["result.txt"] ?? []).toString(), "ok");
});

test("buildkit: a frontend that is named in the request itself needs no bridge", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const frontendAttrs = { target: "t" };
  const request = { ref: "b1", session: "s1", frontend: "dockerfile.v0", frontendAttrs, exporterDeprecated: "local" };
  await solve(client, request);
  assert.equal(builds.requests[0]?.options.target, "t");
  assert.equal(builds.requests[0]?.exports[0]?.type, "local");
  await assert.rejects(solve(client, { ...request, ref: "b2", frontend: "other" }), {
    message: "frontend other not found",
  });
  await assert.rejects(solve(client, { ...request, ref: "b1" }), { message: "job ID b1 exists" });
  await assert.rejects(solve(client, { ...request, ref: "" }), { message: "no build reference in request" });
});

test("buildkit: a failed build carries the place in the Dockerfile, the step and its exit code", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const source: SourceLocation = { filename: "Dockerfile", text: "FROM a\nRUN b\n", ranges: [{ start: 2, end: 2 }] };
  builds.run = () =>
    Promise.reject(
      new EngineError("failed_precondition", ErrorCode.BAD_REQUEST, "process did not complete", {
        details: { source, vertex: STEP, exitCode: 3 },
      }),
    );
  const solved = solve(client, { ref: "b1", session: "s1", frontend: "dockerfile.v0" });
  const error: unknown = await solved.catch((reason: unknown) => reason);
  assert.ok(error instanceof GrpcError);
  assert.equal(error.status.code, 2);
  const details = Object.fromEntries(
    error.status.details.map(({ typeUrl, value }) => [
      typeUrl.split("/").at(-1),
      JSON.parse(Buffer.from(value).toString()),
    ]),
  );
  assert.deepEqual(details, {
    "gatewayapi.ExitMessage+json": { Code: 3 },
    "errdefs.Vertex+json": { digest: STEP },
    "errdefs.Source+json": {
      info: { filename: "Dockerfile", data: Buffer.from(source.text).toString("base64"), language: "Dockerfile" },
      ranges: [{ start: { line: 2 }, end: { line: 2 } }],
    },
  });
  const [event] = await history(client, { ref: "b1" });
  assert.equal(event?.record?.error?.message, "process did not complete");
});

test("buildkit: the error that a client's frontend returns is the build's", async (t) => {
  const { buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const solved = solve(client, { ref: "b1", session: "s1" });
  const error = { code: 5, message: "not here", details: [{ typeUrl: "a/b" }] };
  await Promise.all([
    assert.rejects(solved, (failed) => failed instanceof GrpcError && failed.status.details[0]?.typeUrl === "a/b"),
    giveBack(client, "b1", { error }),
  ]);
});

test("buildkit: a client that leaves the call cancels the build, and running steps say so", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const running = Promise.withResolvers<void>();
  builds.run = (request) =>
    new Promise((_resolve, reject) => {
      running.resolve();
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
  const controller = new AbortController();
  const status = follow(client, "b1");
  const solved = solve(client, { ref: "b1", session: "s1", frontend: "dockerfile.v0" }, controller.signal);
  await running.promise;
  controller.abort();
  await assert.rejects(solved);
  const events = await status;
  assert.equal(events.at(-1)?.vertexes[0]?.error, "context canceled");
  assert.ok(isCancelled(builds.requests[0]?.signal.reason));
  assert.equal(builds.disposed, 1);
});

test("buildkit: a definition of BuildKit's own operations is built, and looked into", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const source = encode("Op", { source: { identifier: "docker-image://docker.io/library/a:1" } });
  const digest = digestOf(source);
  const last = encode("Op", { inputs: [{ digest }] });
  const definition = encode("Definition", { def: [source, last], metadata: { [digest]: { ignoreCache: true } } });
  await solve(client, { ref: "b1", session: "s1", definition });
  const asked = builds.requests[0]?.definition;
  assert.deepEqual(asked?.result, { digest, index: 0 });
  const operation = asked.operations.get(digest);
  assert.equal(operation?.source?.identifier, "docker-image://docker.io/library/a:1");
  assert.equal(operation.ignoreCache, true);
  void solve(client, { ref: "b2", session: "s1" }).catch(() => undefined);
  const types = ["BridgeSolveRequest", "BridgeSolveResponse"] as const;
  const { result } = await client.unary(`${BRIDGE}/Solve`, types, { definition }, inBuild("b2"));
  const file = { ref: result?.ref?.id ?? "", filePath: "/a" };
  const { data } = await client.unary(`${BRIDGE}/ReadFile`, ["ReadFileRequest", "Bytes"], file, inBuild("b2"));
  assert.equal(Buffer.from(data).toString(), "read");
  await assert.rejects(solve(client, { ref: "b3", session: "s1", definition: Buffer.from([1]) }), /malformed/);
  await assert.rejects(
    solve(client, { ref: "b4", session: "s1", definition: encode("Definition", { def: [source] }) }),
    {
      message: "failed to load LLB: invalid empty definition",
    },
  );
});

test("buildkit: history names what was built, and forgets it when it is told to", async (t) => {
  const { buildkit, client } = open(t);
  join(t, buildkit, "s1");
  for (const ref of ["b1", "b2"]) await solve(client, { ref, session: "s1", frontend: "dockerfile.v0" });
  const events = await history(client, {});
  assert.deepEqual(
    events.map(({ type, record }) => [type, record?.ref, record?.totalSteps, record?.cachedSteps]),
    [
      [1, "b2", 1, 1],
      [1, "b1", 1, 1],
    ],
  );
  assert.deepEqual(await history(client, { ref: "buildx-test", activeOnly: true }), []);
  assert.equal((await history(client, { limit: 1 })).length, 1);
  const update = (request: Encodable<"UpdateHistoryRequest">): Promise<unknown> =>
    client.unary(`${CONTROL}/UpdateBuildHistory`, ["UpdateHistoryRequest", "Empty"], request);
  await update({ ref: "b1", pinned: true });
  assert.equal((await history(client, { ref: "b1" }))[0]?.record?.pinned, true);
  await update({ ref: "b1", delete: true });
  assert.deepEqual(await history(client, { ref: "b1" }), []);
  await assert.rejects(update({ ref: "b1", delete: true }), /failed to retrieve record b1/);
});

test("buildkit: the cache is listed and pruned; bounds of zero are none", async (t) => {
  const { builds, client } = open(t);
  const { record } = await client.unary(`${CONTROL}/DiskUsage`, ["DiskUsageRequest", "DiskUsageResponse"], {
    filter: [""],
  });
  assert.deepEqual(
    record.map(({ id, size, shared, parents }) => [id, size, shared, parents]),
    [["c1", 5_000_000_000n, true, ["p"]]],
  );
  const call = client.open(`${CONTROL}/Prune`, ["PruneRequest", "UsageRecord"]);
  await call.send({ filter: [""], all: true, keepDuration: 3_600_000_000_000n });
  call.end();
  const ids: string[] = [];
  for await (const { id } of call.messages()) ids.push(id);
  assert.deepEqual(ids, ["c1"]);
  assert.deepEqual(builds.pruned, [{ filters: [], all: true, keepDurationNs: 3_600_000_000_000 }]);
});

test("buildkit: the worker says what it is", async (t) => {
  const { client } = open(t);
  const { record } = await client.unary(`${CONTROL}/ListWorkers`, ["Empty", "ListWorkersResponse"], {});
  const [worker] = record;
  assert.equal(worker?.id, "w");
  assert.deepEqual({ ...worker?.labels }, { l: "1" });
  assert.equal(worker?.platforms[0]?.architecture, "amd64");
  const { buildkitVersion } = await client.unary(`${CONTROL}/Info`, ["Empty", "InfoResponse"], {});
  assert.equal(buildkitVersion?.version, "v1");
});

test("buildkit: a session within a call gives directories as one of its own does", async (t) => {
  const { builds, buildkit, client } = open(t);
  const asked = Promise.withResolvers<unknown>();
  const [near, far] = duplexPair();
  const files = {
    [SessionMethod.SYNC]: bidirectional("Packet", "Packet", async (requests, { headers }, answer) => {
      asked.resolve(headers["dir-name"]);
      await answer({});
      for await (const { type } of requests) {
        await answer({ type });
        return;
      }
    }),
  };
  const outer = servedBy(t, files);
  const call = client.open(`${CONTROL}/Session`, ["Bytes", "Bytes"], {
    metadata: {
      "x-docker-expose-session-uuid": "tunnelled",
      "x-docker-expose-session-grpc-method": Object.keys(files),
    },
  });
  near.pipe(outer).pipe(near);
  far.on("data", (data: Buffer) => void call.send({ data }));
  const pump = async (): Promise<void> => {
    for await (const { data } of call.messages()) far.write(data);
  };
  pump().catch(() => undefined);
  join(t, buildkit, "s1");
  builds.run = (request) =>
    request.session.sendDirectory(
      "context",
      { followPaths: undefined, includes: [], excludes: [], signal: request.signal, onProgress: () => undefined },
      { entry: () => false, write: () => undefined, end: () => undefined, drained: () => undefined },
    );
  const frontendAttrs = { "local-sessionid:context": "tunnelled" };
  await solve(client, { ref: "b1", session: "s1", frontend: "dockerfile.v0", frontendAttrs });
  assert.equal(await asked.promise, "context");
});

test("buildkit: a build's result is an input of another, also when the first has ended", async (t) => {
  const { builds, buildkit, client } = open(t);
  join(t, buildkit, "s1");
  const first = solve(client, { ref: "b1", session: "s1" });
  const { result } = await ask(client, "b1");
  await giveBack(client, "b1", { result });
  await first;
  void solve(client, { ref: "b2", session: "s1" }).catch(() => undefined);
  const withInput = (definition: Uint8Array): Promise<unknown> =>
    client.unary(
      `${BRIDGE}/Solve`,
      ["BridgeSolveRequest", "BridgeSolveResponse"],
      { frontend: "dockerfile.v0", frontendInputs: { "context:base": definition } },
      inBuild("b2"),
    );
  await withInput(result?.ref?.def ?? Buffer.alloc(0));
  assert.equal(builds.requests[1]?.inputs?.get("context:base")?.vertex?.digest, STEP);
  await assert.rejects(withInput(toDefinition({ id: "b1:9", target: 0 })), { message: "no such ref: b1:9" });
  await assert.rejects(withInput(toDefinition({ id: "other:1", target: 0 })), { message: "no such ref: other:1" });
  await assert.rejects(withInput(toDefinition({ id: "b1:1", target: 5 })), { message: "no such ref: b1:1" });
  await assert.rejects(withInput(Buffer.from([])), /invalid empty definition/);
  // A client that looks into what it built asks for a result by its definition.
  const definition = result?.ref?.def ?? Buffer.alloc(0);
  const byDefinition = (bytes: Uint8Array): Promise<Decoded<"BridgeSolveResponse">> =>
    client.unary(
      `${BRIDGE}/Solve`,
      ["BridgeSolveRequest", "BridgeSolveResponse"],
      { definition: bytes, evaluate: true },
      inBuild("b2"),
    );
  assert.equal((await byDefinition(definition)).result?.ref?.id, "b1:1");
});
