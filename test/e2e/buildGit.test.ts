/** Repositories that want to know who asks: tokens among the build's secrets, never in what is told or kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRemotes } from "./build/support/remotes.ts";
import { startDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { run, type Ran } from "./support/process.ts";

test("git: a token or a header of the secrets opens a repository, as context and by ADD", async () => {
  await using daemon = await startDaemon();
  const authorization = `basic ${Buffer.from("x-access-token:s3cret").toString("base64")}`;
  await using remotes = await openRemotes({
    repositories: { r: [{ files: { Dockerfile: "FROM scratch\nCOPY a /\n", a: "a\n" } }] },
    authorization,
  });
  const url = `http://${remotes.address}/r.git`;
  const env = {
    DOCKER_HOST: `unix://${daemon.socket}`,
    DOCKER_CONFIG: await pluginConfig(),
    TOKEN: "s3cret",
    HEADER: authorization,
  };
  const build = (args: readonly string[], input?: string): Promise<Ran> =>
    run("docker", ["build", "--progress=plain", "--no-cache", ...args], {
      env,
      ...(input === undefined ? {} : { input }),
    });
  const add = `FROM scratch\nADD ${url} /x\n`;

  const without = await build([url]);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /could not read Username|Authentication failed|terminal prompts disabled/);
  const host = `GIT_AUTH_TOKEN.${remotes.address}`;
  for (const secret of ["id=GIT_AUTH_TOKEN,env=TOKEN", `id=${host},env=TOKEN`, "id=GIT_AUTH_HEADER,env=HEADER"]) {
    const context = await build(["--secret", secret, url]);
    assert.equal(context.code, 0, context.stderr);
    const added = await build(["--secret", secret, "-"], add);
    assert.equal(added.code, 0, added.stderr);
    for (const { stdout, stderr } of [context, added]) assert.doesNotMatch(stdout + stderr, /s3cret|eC1hY2Nlc3/);
  }
  assert.doesNotMatch(daemon.log(), /s3cret|eC1hY2Nlc3/);
});
