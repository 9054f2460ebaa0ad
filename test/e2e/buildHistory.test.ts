/** Records of builds: those of both clients, after a restart too. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import type { Ran } from "./support/process.ts";

describe("build history", () => {
  let daemon: TestDaemon;
  let folder: string;

  const history = (...args: readonly string[]): Promise<Ran> =>
    daemon.varve(["buildx", "history", ...args], { cwd: folder });
  const must = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await history(...args);
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  };
  const rows = async (): Promise<readonly string[]> =>
    (await must("ls", "--format", "{{.Name}} {{.Status}}")).split("\n").filter((line) => line !== "");

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-history-"));
    mkdirSync(join(folder, "app"));
    writeFileSync(join(folder, "app/Dockerfile"), "FROM scratch AS base\nARG A\nLABEL a=$A\nCOPY file /\nFROM base\n");
    writeFileSync(join(folder, "app/bad.Dockerfile"), "FROM scratch\nCOPY none /\n");
    writeFileSync(join(folder, "app/file"), "text\n");
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("ls, inspect, logs: builds of both clients, the same after a restart", async () => {
    await daemon.mustVarve(["build", "-q", "--build-arg", "A=b", "--label", "l=m", "-t", "one", "app"], {
      cwd: folder,
    });
    const env = { DOCKER_CONFIG: await pluginConfig() };
    await daemon.mustDocker(["buildx", "build", "-q", "--target", "base", "app"], { cwd: folder, env });
    assert.equal((await daemon.varve(["build", "-f", "app/bad.Dockerfile", "app"], { cwd: folder })).code, 1);
    await daemon.mustVarve(["build", "--check", "app"], { cwd: folder });
    const expected = ["app/bad.Dockerfile Error", "base Completed", "app Completed"];
    assert.deepEqual(await rows(), expected);
    const seen = (): Promise<readonly string[]> =>
      Promise.all([
        must("ls", "--format", "json"),
        must("inspect"),
        must("inspect", "--format", "json", "^2"),
        must("logs", "^2"),
        must("logs", "--progress", "rawjson"),
      ]);
    const before = await seen();
    assert.match(before[1] ?? "", /^Error: +Unknown failed to compute cache key: .*"\/none": not found$/m);
    assert.match(before[2] ?? "", /"Name": "A",\s+"Value": "b"/);
    assert.match(before[3] ?? "", /^#\d \[base 1\/1\] COPY file \//m);
    assert.match(before[3] ?? "", /naming to docker.io\/library\/one/);
    await daemon.stop();
    await daemon.start();
    assert.deepEqual(await seen(), before);
    assert.deepEqual(await rows(), expected);
  });

  test("ls: filters; what cannot be read is told", async () => {
    const named = (...filters: readonly string[]): Promise<string> =>
      must("ls", "--format", "{{.Name}}", ...filters.flatMap((filter) => ["--filter", filter]));
    assert.equal(await named("status=error"), "app/bad.Dockerfile\n");
    assert.equal(await named("status!=error"), "base\napp\n");
    assert.equal(await named("startedAt>1h", "duration<1h", "status=completed"), "base\napp\n");
    assert.equal(await named("completedAt<1h"), "");
    for (const wrong of ["status", "other=x", "status>x", "duration=1s", "duration<x", "startedAt<x"])
      assert.match((await history("ls", "--filter", wrong)).stderr, /^ERROR: /, wrong);
    for (const wrong of ["none", "^9", "^x"]) assert.match((await history("inspect", wrong)).stderr, /^ERROR: /, wrong);
  });

  test("rm: one, all; a daemon that is killed keeps what had ended", async () => {
    const [first = ""] = (await must("ls", "--format", "{{.Ref}}")).split("\n");
    await must("rm", `default/default/${first}`);
    assert.equal((await history("rm", first)).stderr, `ERROR: no record found for ref "${first}"\n`);
    assert.deepEqual(await rows(), ["base Completed", "app Completed"]);
    await daemon.kill();
    await daemon.start();
    assert.deepEqual(await rows(), ["base Completed", "app Completed"]);
    await must("rm", "--all");
    assert.deepEqual(await rows(), []);
    assert.equal((await history("inspect")).stderr, "ERROR: no records found\n");
  });
});
