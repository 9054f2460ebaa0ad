/** `POST /build` as `DOCKER_BUILDKIT=0 docker build` and libraries use it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs, file, makeTar } from "./support/rootfs.ts";

const DOCKERFILE = `ARG V=1
FROM box:$V AS base
ENV A=b
RUN echo out; echo err >&2
FROM base
COPY a.txt /a.txt
CMD ["cat", "/a.txt"]
`;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

describe("POST /build", () => {
  let daemon: TestDaemon;
  let folder: string;

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-classic-"));
    mkdirSync(join(folder, "c"));
    writeFileSync(join(folder, "c/Dockerfile"), DOCKERFILE);
    writeFileSync(join(folder, "c/a.txt"), "a\n");
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const post = (query: Readonly<Record<string, string>>, body: Uint8Array): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const path = `/v1.45/build?${new URLSearchParams({ networkmode: "none", ...query }).toString()}`;
      const headers = { "Content-Type": "application/x-tar" };
      const sent = request({ socketPath: daemon.socket, method: "POST", path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const lines = text
            .split("\n")
            .flatMap((line) => (line.trim() === "" ? [] : [JSON.parse(line) as Answer["lines"][0]]));
          resolve({ status: response.statusCode ?? 0, text, lines });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  const said = ({ lines }: Answer): string =>
    lines.map(({ stream }) => (typeof stream === "string" ? stream : "")).join("");
  const context = (dockerfile: string): Buffer => makeTar([file("Dockerfile", dockerfile), file("a.txt", "a\n")]);

  test("docker build without BuildKit: steps, ids, tags; the second time from the cache", async () => {
    const args = ["build", "--network", "none", "-t", "classic", join(folder, "c")];
    const first = await daemon.docker(args, { env: { DOCKER_BUILDKIT: "0" } });
    assert.equal(first.code, 0, first.stderr);
    const shown = first.stdout.replaceAll(/\b[0-9a-f]{12}\b/g, "ID");
    assert.match(shown, /Step 1\/7 : ARG V=1\nStep 2\/7 : FROM box:\$V AS base\n ---> ID\nStep 3\/7 : ENV A=b\n/);
    assert.match(shown, /Step 4\/7 : RUN echo out; echo err >&2\n ---> Running in ID\n/);
    assert.match(shown, / ---> Removed intermediate container ID\n ---> ID\nStep 5\/7 : FROM base\n/);
    assert.match(shown, /Successfully built ID\nSuccessfully tagged classic:latest\n$/);
    assert.equal(await daemon.mustDocker(["run", "--rm", "--network", "none", "classic"]), "a\n");
    const again = await daemon.docker(args, { env: { DOCKER_BUILDKIT: "0" } });
    assert.match(again.stdout, /RUN echo out; echo err >&2\n ---> Using cache\n/);
  });

  test("a library's request: aux, labels, arguments that nobody wanted", async () => {
    const query = { t: "lib:1", labels: '{"k":"v"}', buildargs: '{"X":"1"}', rm: "1" };
    const answer = await post(query, context("FROM box:1\nCOPY a.txt /\n"));
    assert.equal(answer.status, 200, answer.text);
    assert.match(said(answer), /Step 3\/3 : LABEL k=v\n/);
    assert.match(said(answer), /\[Warning\] One or more build-args \[X\] were not consumed\n/);
    const id = String(Reflect.get(Object(answer.lines.find((line) => "aux" in line)?.["aux"]), "ID"));
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.ok(said(answer).includes(`Successfully built ${id.slice(7, 19)}\n`));
    const inspected = await daemon.mustDocker(["image", "inspect", "-f", "{{.Id}} {{json .Config.Labels}}", "lib:1"]);
    assert.equal(inspected, `${id} {"k":"v"}\n`);
    const quiet = await post({ q: "1" }, context("FROM box:1\nCOPY a.txt /\n"));
    assert.match(quiet.text, /^\{"stream":"sha256:[0-9a-f]{64}\\n"\}\r\n$/);
  });

  test("failures: a line with the exit code, or a status", async () => {
    const failed = await post({}, context("FROM box:1\nRUN echo x; exit 3\n"));
    assert.equal(failed.status, 200);
    const message = "The command '/bin/sh -c echo x; exit 3' returned a non-zero code: 3";
    assert.deepEqual(failed.lines.at(-1), { errorDetail: { code: 3, message }, error: message });
    const stat = "stat nope: file does not exist";
    for (const [line, told] of [
      ["COPY nope /", `COPY failed: file not found in build context or excluded by .dockerignore: ${stat}`],
      ["ADD nope /", `ADD failed: file not found in build context or excluded by .dockerignore: ${stat}`],
      ["COPY --from=a nope /", `COPY failed: ${stat}`],
    ] as const) {
      const { lines } = await post({}, context(`FROM box:1 AS a\nFROM box:1\n${line}\n`));
      assert.deepEqual(lines.at(-1), { errorDetail: { message: told }, error: told });
    }
    const parse = await post({}, context("FROM box:1\nFOOBAR\n"));
    assert.equal(parse.status, 400);
    assert.match(parse.text, /dockerfile parse error on line 2: unknown instruction: FOOBAR/);
    const missing = await post({ dockerfile: "no" }, context("FROM box:1\n"));
    assert.deepEqual([missing.status, missing.text], [500, '{"message":"Cannot locate specified Dockerfile: no"}\n']);
    const target = await post({ target: "no" }, context("FROM box:1\n"));
    assert.deepEqual([target.status, target.text], [400, '{"message":"target stage \\"no\\" could not be found"}\n']);
  });

  test("system df tells of the cache, POST /build/prune empties it", async () => {
    const before = await daemon.api("GET", "/system/df?type=build-cache");
    assert.ok(JSON.stringify(before.body).includes('"Type":"regular"'));
    // `system prune` tells every kind of thing its filters; what has no labels is kept by one.
    const labelled = await daemon.api("POST", `/build/prune?all=1&filters=${encodeURIComponent('{"label":["x"]}')}`);
    assert.deepEqual([labelled.status, labelled.body], [200, { CachesDeleted: null, SpaceReclaimed: 0 }]);
    const { body } = await daemon.api("POST", "/build/prune?all=1");
    assert.ok(Array.isArray(Reflect.get(Object(body), "CachesDeleted")));
    const wrong = await daemon.api("POST", `/build/prune?filters=${encodeURIComponent('{"foo":["x"]}')}`);
    assert.deepEqual(
      [wrong.status, wrong.body],
      [400, { message: "failed to prune build cache: invalid filter 'foo'" }],
    );
  });
});
