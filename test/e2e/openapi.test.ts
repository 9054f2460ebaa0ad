/** `docs/openapi.yaml`: it names every route below /varve/v1, and what the daemon answers is as it says. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openOwnDefinition } from "./support/apiDefinition.ts";
import { ROOT, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { dockerArchive } from "./support/dockerArchive.ts";
import { directory, file, makeTar, symlink } from "./support/rootfs.ts";

const definition = openOwnDefinition();
const ROUTE = /"(GET|HEAD|POST|PUT|DELETE)",\s*"(\/varve\/v1\/[^"]+)"/g;

/** Of the sources, for routes are values that only the server has together. */
function routesOfCode(): readonly string[] {
  const folder = join(ROOT, "src/api");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => [...readFileSync(join(folder, name), "utf8").matchAll(ROUTE)])
    .map(([, method = "", path = ""]) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
}

test("openapi: every route of the code is in it, and no other", () => {
  const routes = routesOfCode();
  assert.ok(routes.length > 20, String(routes.length));
  assert.deepEqual([...definition.operations()].sort(), [...routes].sort());
});

const BASE = makeTar([
  directory("etc"),
  file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
  file("bin/su", "su", 0o4755),
  symlink("bin/sh", "su"),
  { path: "bin/also", type: "hardlink", mode: 0o4755, linkPath: "bin/su" },
  { path: "dev/null", type: "char", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
  { ...file("bin/ping", "x"), xattrs: new Map([["security.capability", Buffer.alloc(20, 1)]]) },
]);
const TOP = makeTar([file("etc/passwd", "changed\n"), file("bin/.wh.ping", ""), file("etc/.wh..wh..opq", "")]);

/** Method, path of the definition, what its `{…}` stands for, query, status. */
type Call = readonly [method: string, path: string, given: string, query: string, status: number];

const NAME = "/varve/v1/images/{name}";
const CALLS: readonly Call[] = [
  ["GET", `${NAME}/layers`, "doc:1", "", 200],
  ["GET", `${NAME}/layers`, "nosuch", "", 404],
  ["GET", `${NAME}/layers`, "doc:1", "?platform=a/b/c/d", 400],
  ["GET", `${NAME}/entries`, "nosuch", "", 404],
  ["GET", `${NAME}/files`, "doc:1", "?recursive=1", 200],
  ["GET", `${NAME}/files`, "doc:1", "?step=1&path=/bin/ping", 200],
  ["GET", `${NAME}/files`, "doc:1", "?step=7", 400],
  ["GET", `${NAME}/file`, "doc:1", "?path=/nosuch", 404],
  ["GET", `${NAME}/file`, "doc:1", "?path=/etc", 400],
  ["GET", `${NAME}/archive`, "doc:1", "?path=/nosuch", 404],
  ["GET", `${NAME}/why`, "doc:1", "?path=/etc/passwd", 200],
  ["GET", `${NAME}/why`, "doc:1", "?path=/bin/ping", 200],
  ["GET", `${NAME}/why`, "doc:1", "", 400],
  ["GET", `${NAME}/diff`, "doc:1", "?other=doc:1&step=1", 200],
  ["GET", `${NAME}/diff`, "doc:1", "?other=doc:1&part=config", 200],
  ["GET", `${NAME}/diff`, "doc:1", "?other=doc:1&content=maybe", 400],
  ["GET", `${NAME}/efficiency`, "doc:1", "", 200],
  ["GET", "/varve/v1/search", "", "?setuid=1", 200],
  ["GET", "/varve/v1/search", "", "?larger=x", 400],
  ["GET", "/varve/v1/search", "", "?glob=*&image=nosuch", 404],
  ["GET", "/varve/v1/tree", "", "", 200],
  ["GET", "/varve/v1/overlay/{id}", "doc:1", "", 200],
  ["GET", "/varve/v1/overlay/{id}", "doc-top", "", 200],
  ["GET", "/varve/v1/overlay/{id}", "nosuch", "", 404],
  ["POST", `${NAME}/squash`, "doc:1", "?tag=doc:squashed", 200],
  ["POST", `${NAME}/flatten`, "doc:1", "?tag=doc:flat", 200],
  ["POST", `${NAME}/flatten`, "nosuch", "", 404],
  ["POST", `${NAME}/rebase`, "doc:1", "", 400],
  ["GET", "/varve/v1/build/cache", "", "", 200],
  ["POST", "/varve/v1/build/cache/prune", "", "?filter=id==nosuch", 200],
  ["GET", "/varve/v1/build/history", "", "", 200],
  ["GET", "/varve/v1/build/history/logs", "", "?ref=nosuch", 404],
  ["DELETE", "/varve/v1/build/history", "", "?ref=nosuch", 404],
  ["GET", "/varve/v1/build/worker", "", "", 200],
  ["DELETE", "/varve/v1/build", "", "?build=nosuch", 404],
  ["GET", "/varve/v1/build/ask", "", "?build=nosuch&ask=1", 404],
  ["GET", "/varve/v1/registry/manifest", "", "", 400],
  ["GET", "/varve/v1/registry/blob", "", "", 400],
  ["POST", "/varve/v1/registry/copy", "", "", 400],
];

/** One value, or the values of lines. */
function valuesOf(body: unknown): readonly unknown[] {
  if (typeof body !== "string") return [body];
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line): unknown => JSON.parse(line));
}

describe("openapi", () => {
  let daemon: TestDaemon;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "varve-openapi-"));
    daemon = await startDaemon();
    await writeFile(join(folder, "image.tar"), dockerArchive("doc:1", [BASE, TOP]));
    await writeFile(join(folder, "Dockerfile"), "FROM doc:1\nCOPY Dockerfile /\n");
    await daemon.mustVarve(["load", "-q", "-i", join(folder, "image.tar")]);
    await daemon.mustVarve(["build", "-q", "-t", "doc:built", folder]);
    await daemon.mustDocker(["create", "--name", "doc-top", "doc:1", "sh"]);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  for (const [method, path, given, query, status] of CALLS) {
    test(`${method} ${path.replace(/\{\w+\}/, given)}${query}`, async () => {
      const answer = await daemon.api(method, path.replace(/\{\w+\}/, given) + query);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      const values = valuesOf(answer.body);
      assert.ok(values.length > 0);
      const wrong = values.flatMap((body) => definition.check(method, path, { status, body }).wrong);
      assert.deepEqual([...new Set(wrong)], []);
    });
  }

  test("what is not as documented is found", () => {
    const body = { path: "/x", type: "odd", mode: 1, more: true };
    const { wrong } = definition.check("GET", `${NAME}/files`, { status: 200, body });
    assert.ok(wrong.includes("mode: 1 is no string") && wrong.includes("more: not documented"), wrong.join());
    assert.ok(wrong.includes("uid: required, but absent"), wrong.join());
  });
});
