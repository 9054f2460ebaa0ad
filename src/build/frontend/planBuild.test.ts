import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, formatPlatform } from "#oci";
import { BASE, failure, LAYER, namesOf, plan } from "./planTestbed.ts";
import type { Planned } from "./planTestbed.ts";

const historyOf = ({ plan: { targets } }: Planned): readonly (string | undefined)[] =>
  (targets[0]?.image.history ?? []).map(
    ({ created_by, empty_layer }) => `${empty_layer === true ? "- " : ""}${created_by}`,
  );

test("plan: names, history and config in BuildKit's words", async () => {
  const planned = await plan(
    `ARG TAG=1
FROM debian:$TAG AS builder
ARG VERSION=2
ENV A=b C="d e"
RUN echo $A "\${C}" $NOPE
WORKDIR out
FROM scratch
COPY --from=builder --chown=1:2 /srv/out /x/
LABEL a=b
EXPOSE 80 53/udp
USER me
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=90s CMD true
SHELL ["/bin/bash", "-c"]
ENTRYPOINT run me
CMD ["a", "b"]
`,
  );
  const digest = digestOf("library/debian");
  assert.deepEqual(planned.solved, [
    "[internal] load build definition from Dockerfile",
    "[internal] load .dockerignore",
  ]);
  assert.deepEqual(planned.tasks, ["[internal] load metadata for docker.io/library/debian:1"]);
  const [target] = planned.plan.targets;
  assert.deepEqual(namesOf(target?.vertex), [
    `[builder 1/3] FROM docker.io/library/debian:1@${digest}`,
    '[builder 2/3] RUN echo b "d e" $NOPE',
    "[builder 3/3] WORKDIR out",
    "[stage-1 1/1] COPY --from=builder --chown=1:2 /srv/out /x/",
  ]);
  assert.deepEqual(historyOf(planned), [
    "COPY --chown=1:2 /srv/out /x/ # buildkit",
    "- LABEL a=b",
    "- EXPOSE map[53/udp:{} 80/tcp:{}]",
    "- USER me",
    "- VOLUME [/data]",
    "- STOPSIGNAL SIGTERM",
    '- HEALTHCHECK &{["CMD-SHELL" "true"] "1m30s" "0s" "0s" "0s" \'\\x00\'}',
    "- SHELL [/bin/bash -c]",
    '- ENTRYPOINT ["/bin/bash" "-c" "run me"]',
    '- CMD ["a" "b"]',
  ]);
  assert.deepEqual(target?.image.config, {
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    WorkingDir: "/",
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    User: "me",
    Volumes: { "/data": {} },
    StopSignal: "SIGTERM",
    Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 90e9 },
    Shell: ["/bin/bash", "-c"],
    Entrypoint: ["/bin/bash", "-c", "run me"],
    Cmd: ["a", "b"],
    ArgsEscaped: true,
    OnBuild: null,
  });
});

test("plan: RUN gets environment, arguments and their history; a stage nobody needs is not planned", async () => {
  const planned = await plan(
    `FROM debian AS unused
RUN false
FROM debian
ARG VERSION=2
ARG GIVEN
RUN make
ENTRYPOINT ["x"]`,
    { "build-arg:GIVEN": "3", "build-arg:HTTP_PROXY": "http://p" },
  );
  const [target] = planned.plan.targets;
  assert.deepEqual(namesOf(target?.vertex).slice(1), ["[stage-1 2/2] RUN make"]);
  assert.deepEqual(historyOf(planned), [
    "base",
    "- ARG VERSION=2",
    "- ARG GIVEN",
    "RUN |2 VERSION=2 GIVEN=3 /bin/sh -c make # buildkit",
    '- ENTRYPOINT ["x"]',
  ]);
  assert.equal(target?.image.config.Cmd, null);
  const operation = target.vertex?.operation;
  assert.ok(operation?.kind === "exec");
  assert.deepEqual(operation.environment, ["PATH=/bin", "LANG=C", "VERSION=2", "GIVEN=3"]);
  assert.deepEqual(operation.proxyEnvironment, ["HTTP_PROXY=http://p", "http_proxy=http://p"]);
  assert.equal(operation.workingDirectory, "/srv");
});

test("plan: the context is asked for what is copied, without what is ignored", async () => {
  const { plan: made } = await plan(
    "FROM scratch\nCOPY a b/ /x/\nADD --chmod=644 c /y\n",
    {},
    { files: { ".dockerignore": "# no\n*.log\n" } },
  );
  const context = made.targets[0]?.vertex?.inputs[1]?.operation;
  assert.ok(context?.kind === "local");
  assert.deepEqual([context.followPaths, context.excludes], [["a", "b", "c"], ["*.log"]]);
  const whole = await plan("FROM scratch\nCOPY . /x/\n");
  const operation = whole.plan.targets[0]?.vertex?.inputs[1]?.operation;
  assert.ok(operation?.kind === "local");
  assert.equal(operation.followPaths, undefined);
});

test("plan: several platforms, the build platform for a cross build", async () => {
  const { plan: made, tasks } = await plan(
    "FROM --platform=$BUILDPLATFORM debian AS b\nARG TARGETARCH\nRUN make $TARGETARCH\nFROM debian\nCOPY --from=b /x /x\n",
    { platform: "linux/amd64,linux/arm64", "multi-platform": "true" },
  );
  assert.deepEqual(tasks.toSorted(), [
    "[linux/amd64 internal] load metadata for docker.io/library/debian:latest",
    "[linux/arm64 internal] load metadata for docker.io/library/debian:latest",
  ]);
  const names = namesOf(made.targets[1]?.vertex);
  assert.ok(names.includes("[linux/amd64->arm64 b 2/2] RUN make arm64"), names.join("\n"));
  assert.ok(names.includes("[linux/arm64 stage-1 2/2] COPY --from=b /x /x"), names.join("\n"));
  assert.deepEqual(
    made.targets.map(({ platform }) => formatPlatform(platform)),
    ["linux/amd64", "linux/arm64"],
  );
});

test("plan: ONBUILD of a base image runs after FROM and is gone", async () => {
  const images = { "library/node": { ...BASE, config: { ...BASE.config, OnBuild: ["COPY . /app", "RUN install"] } } };
  const planned = await plan("FROM node\nCMD x\n", {}, { images });
  assert.deepEqual(namesOf(planned.plan.targets[0]?.vertex).slice(1), [
    "[internal] load build context",
    "[2/3] ONBUILD COPY . /app",
    "[3/3] ONBUILD RUN install",
  ]);
  assert.equal(planned.plan.targets[0]?.image.config.OnBuild, null);
});

test("plan: heredocs, mounts, named contexts", async () => {
  const { plan: made } = await plan(
    `FROM debian
RUN <<EOF
set -e
make
EOF
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=key,env=KEY --mount=from=tools,target=/t go
COPY <<one <<"two" /d/
$A
one
$B
two
`,
    { "context:tools": "docker-image://alpine" },
  );
  const vertex = made.targets[0]?.vertex;
  const names = namesOf(vertex);
  assert.ok(names.includes("[stage-0 2/4] RUN <<EOF (set -e...)"), names.join("\n"));
  assert.ok(names.includes("[context tools] alpine"), names.join("\n"));
  const run = vertex?.inputs[0]?.operation;
  assert.ok(run?.kind === "exec");
  assert.deepEqual(
    run.mounts.map((mount) => [mount.type, mount.target]),
    [
      ["cache", "/root/.cache"],
      ["secret", undefined],
      ["bind", "/t"],
    ],
  );
  assert.ok(vertex?.operation.kind === "file");
  assert.deepEqual(
    vertex.operation.actions.map((action) => (action.action === "makeFile" ? [action.name, action.data] : [])),
    [
      ["one", "\n"],
      ["two", "$B\n"],
    ],
  );
});

test("plan: --no-cache for all or for stages", async () => {
  const text = "FROM debian AS a\nRUN one\nFROM a AS b\nRUN two\n";
  const flags = async (noCache: string): Promise<readonly (boolean | undefined)[]> => {
    const [target] = (await plan(text, { "no-cache": noCache })).plan.targets;
    return [target?.vertex?.inputs[0]?.ignoreCache, target?.vertex?.ignoreCache];
  };
  assert.deepEqual(await flags(""), [true, true]);
  assert.deepEqual(await flags("B"), [false, true]);
});

test("plan: errors name the lines, in BuildKit's words", async () => {
  const cases: readonly (readonly [string, string, number | undefined, Readonly<Record<string, string>>?])[] = [
    ["FROM debian\nCOPY --from=9 a b\n", "invalid stage index 9", 2],
    ["FROM debian\nCOPY --from=-1 a b\n", "invalid stage index -1", 2],
    ["FROM debian AS x\n", 'target stage "y" could not be found', undefined, { target: "y" }],
    ["FROM a AS a\nCOPY --from=a x y\n", "circular dependency detected on stage: a", 2],
    ["FROM debian\nRUN --network=host x\n", "failed to load LLB: network.host is not allowed", 2],
    ["FROM $NOPE\n", "base name ($NOPE) should not be blank", 1],
    [
      "FROM debian\nCOPY --chmod=9999 a b\n",
      "invalid chmod parameter: '9999'. it should be octal string and between 0 and 07777",
      2,
    ],
    ["FROM nosuch\n", "nosuch: failed to resolve source metadata for docker.io/library/nosuch:latest: not found", 1],
    ["FROM debian\nSTOPSIGNAL nope\n", "invalid signal: nope", 2],
    ["", "the Dockerfile cannot be empty", undefined],
    ["ARG A=b\n", "dockerfile contains no stages to build", undefined],
  ];
  for (const [text, message, line, attributes] of cases) {
    const error = await failure(plan(text, attributes));
    assert.equal(error.message, message);
    const source: unknown = error.details?.["source"];
    const ranges: unknown = typeof source === "object" && source !== null ? Reflect.get(source, "ranges") : undefined;
    assert.deepEqual(ranges, line === undefined ? undefined : [{ start: line, end: line }], text);
  }
});

test("plan: warnings of the checks are told, once for several platforms", async () => {
  const { warnings } = await plan("FROM debian as x\nRUN true\n", { platform: "linux/amd64,linux/arm64" });
  const texts = warnings.map(({ short }) => Buffer.from(short, "base64").toString());
  assert.deepEqual(texts, ["FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)"]);
});

test("plan: another frontend is refused, ours is not", async () => {
  await plan("# syntax=docker/dockerfile:1\nFROM debian\n");
  const error = await failure(plan("# syntax=example/other:1\nFROM debian\n"));
  assert.equal(error.message, "frontend example/other:1 cannot be run: varve builds Dockerfiles");
});

test("plan: a context may be the result of another build", async () => {
  const { plan: base } = await plan('FROM debian\nENV A=1\nCMD ["b"]');
  const [target] = base.targets;
  assert.ok(target !== undefined);
  const inputs = new Map([["context:other", { ...target, diffIds: [LAYER], createdAt: [1000] }]]);
  const attributes = { "context:other": "input:context:other" };
  const planned = await plan("FROM other\nRUN x\nCOPY --from=other /a /b", attributes, { inputs });
  const [made] = planned.plan.targets;
  assert.deepEqual(made?.image.config.Env, ["PATH=/bin", "LANG=C", "A=1"]);
  assert.equal(made?.image.history[0]?.created, "1970-01-01T00:00:01.000Z");
  assert.deepEqual(namesOf(made?.vertex).slice(0, 2), ["[context other]", "[stage-0 1/3] RUN x"]);
  const lost = await failure(plan("FROM other", { "context:other": "input:gone" }, { inputs }));
  assert.match(lost.message, /invalid input gone for other/);
});

test("plan: subrequests are answered instead of a plan", async () => {
  const text = `# TAG which one
ARG TAG=1
# base where it is built
FROM debian:$TAG AS base
ARG A=b
RUN --mount=type=secret,id=key,required true
FROM scratch
Copy --from=base /x /y
`;
  const ask = async (requestid: string, attributes: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { plan: made } = await plan(text, { requestid, ...attributes });
    assert.deepEqual(made.targets, []);
    return Buffer.from(made.answer?.get("result.txt") ?? []).toString();
  };
  assert.match(await ask("frontend.targets"), /base +where it is built\n\(default\)/);
  assert.match(await ask("frontend.outline"), /TAG +1 +which one\n(?:.*\n)*SECRET +REQUIRED\nkey +true/);
  assert.match(await ask("frontend.lint"), /ConsistentInstructionCasing/);
  assert.match(await ask("frontend.subrequests.describe"), /outline/);
});

test("plan: thousands of steps and stages are planned, more than anybody writes are refused", async () => {
  const long = await plan(`FROM scratch\n${"RUN x\n".repeat(6000)}`);
  assert.equal(long.plan.targets[0]?.vertex?.name, "[6000/6000] RUN x");
  const stages = Array.from(
    { length: 4000 },
    (_, index) => `FROM s${index} AS s${index + 1}\nCOPY --from=s${index} a b`,
  );
  const deep = await plan(["FROM scratch AS s0", ...stages].join("\n"));
  assert.equal(deep.plan.targets[0]?.image.history.length, 4000);
  const error = await failure(plan("FROM scratch\n".repeat(10_001)));
  assert.equal(error.message, "the Dockerfile has 10001 instructions, more than the 10000 that are built");
});

test("plan: a frontend may also be asked for by a build argument, or by a file in no language of ours", async () => {
  const ours = { "build-arg:BUILDKIT_SYNTAX": "docker/dockerfile:1.9" };
  await plan("# syntax=example/other:1\nFROM debian\n", ours);
  const error = await failure(plan("FROM debian\n", { "build-arg:BUILDKIT_SYNTAX": "example/other" }));
  assert.match(error.message, /frontend example\/other cannot be run/);
  assert.match((await failure(plan("#syntax=a/b\nkey: value\n"))).message, /frontend a\/b cannot be run/);
});

test("plan: a wildcard may find nothing, a path may not; materials are the images that count", async () => {
  const { plan: made } = await plan(
    "FROM nginx AS unused\nFROM debian AS a\nRUN x\nFROM scratch\nCOPY --from=a n* m /x/\n",
  );
  const [target] = made.targets;
  const operation = target?.vertex?.operation;
  assert.ok(operation?.kind === "file");
  const allowed = operation.actions.map((action) => (action.action === "copy" ? action.allowNoMatch : undefined));
  assert.deepEqual(allowed, [true, false]);
  assert.deepEqual(
    target?.image.materials.map(({ uri }) => uri),
    ["pkg:docker/library/debian@latest?platform=linux%2Famd64"],
  );
});

test("plan: a named context takes a stage's place, whatever the stage is made of", async () => {
  const text = "FROM nosuch AS a\nFROM a AS b\nCOPY --from=nosuch x y\nFROM b\nRUN make\n";
  const { plan: made, tasks } = await plan(text, { "context:b": "docker-image://debian" });
  assert.deepEqual(tasks, ["[context b] load metadata for debian"]);
  assert.deepEqual(namesOf(made.targets[0]?.vertex), ["[context b] debian", "[stage-2 1/1] RUN make"]);
});

test("plan: files of a named context become a layer when they are a base", async () => {
  const options = { "context:files": "local:there" };
  const { plan: made } = await plan("FROM files\nCOPY a /a\n", options);
  const base = made.targets[0]?.vertex?.inputs[0];
  assert.equal(base?.operation.kind, "file");
  assert.deepEqual(
    base.inputs.map(({ operation }) => operation.kind),
    ["scratch", "local"],
  );
  const { plan: alone } = await plan("FROM files\nENV a=b\n", options);
  assert.equal(alone.targets[0]?.vertex?.operation.kind, "file");
});

test("plan: a default that a build argument makes needless is expanded for history only, and may be wrong", async () => {
  const text = "FROM scratch\nARG T=q\nARG V=${T}-x\nARG W=${NO:?wrong}\nENV A=$V$W\n";
  const planned = await plan(text, { "build-arg:V": "v", "build-arg:W": "w" });
  assert.deepEqual(historyOf(planned), ["- ARG T=q", "- ARG V=q-x", "- ARG W=${NO:?wrong}", "- ENV A=vw"]);
  assert.match((await failure(plan(text, { "build-arg:V": "v" }))).message, /NO: wrong/);
});

test("plan: a circle of stages names the lines that make it, last first", async () => {
  const text = "FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nCOPY x y\nCOPY --from=a x y\n";
  const error = await failure(plan(text));
  const source: unknown = error.details?.["source"];
  assert.ok(typeof source === "object" && source !== null);
  assert.deepEqual(Reflect.get(source, "ranges"), [
    { start: 5, end: 5 },
    { start: 2, end: 2 },
  ]);
});
