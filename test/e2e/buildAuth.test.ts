/** Builds from and to registries that want to know who asks: passwords, credential helpers, tokens of the client's own. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startTokenServer } from "../integration/support/tokenServer.ts";
import type { TokenServer } from "../integration/support/tokenServer.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import type { Ran } from "./support/process.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

/** `alice:secret`, bcrypt of `htpasswd -Bbn`. */
const HTPASSWD = "alice:$2y$05$y5O7yDQ/J4WHHf3W0LbglOlGlxKzS6ypJoG0ybvZdl9VwlI0kReLa";
const AUTH = Buffer.from("alice:secret").toString("base64");
const HELPER = `#!/bin/sh
cat > /dev/null; echo '{"Username":"alice","Secret":"secret"}'
`;

let folder: string;
let daemon: TestDaemon;
let tokens: TokenServer;
let withTokens: TestRegistry;
let withPasswords: TestRegistry;
let configs = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-build-auth-"));
  await writeFile(join(folder, "docker-credential-test"), HELPER, { mode: 0o755 });
  daemon = await startDaemon();
  tokens = await startTokenServer();
  withTokens = await startRegistry({ auth: tokens.auth() });
  withPasswords = await startRegistry({ htpasswd: HTPASSWD });
  await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  for (const { address } of [withTokens, withPasswords]) {
    await daemon.mustDocker(["tag", "box:1", `${address}/team/box:1`]);
    const env = await envOf({ auths: { [address]: { auth: AUTH } } });
    await daemon.mustDocker(["push", "-q", `${address}/team/box:1`], { env });
    await daemon.mustDocker(["rmi", `${address}/team/box:1`]);
  }
});

after(async () => {
  await Promise.all([daemon, withTokens, withPasswords].map((one) => one[Symbol.asyncDispose]()));
  await tokens[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** An environment whose docker configuration is this. */
async function envOf(config: object): Promise<Record<string, string>> {
  configs += 1;
  const directory = join(folder, `config${configs}`);
  await mkdir(directory);
  await cp(join(await pluginConfig(), "cli-plugins"), join(directory, "cli-plugins"), { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  return { DOCKER_CONFIG: directory, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
}

function build(as: "docker" | "varve", address: string, env: Record<string, string>): Promise<Ran> {
  const input = `FROM ${address}/team/box:1\nLABEL number=${configs}\n`;
  const args = ["build", "--progress=plain", "--no-cache", "--push", "-t", `${address}/team/${as}:${configs}`, "-"];
  return daemon[as](args, { env, input });
}

for (const as of ["docker", "varve"] as const) {
  for (const kind of ["tokens", "passwords"] as const) {
    test(`${as} build, registry of ${kind}: FROM and --push by the configuration or a credential helper`, async () => {
      const { address } = kind === "tokens" ? withTokens : withPasswords;
      for (const config of [{ auths: { [address]: { auth: AUTH } } }, { credHelpers: { [address]: "test" } }]) {
        const built = await build(as, address, await envOf(config));
        assert.equal(built.code, 0, built.stderr);
        if (as !== "docker") continue;
        const shown = kind === "tokens" ? "team/box:pull token for" : "sharing credentials for";
        assert.ok(built.stderr.includes(`[auth] ${shown} ${address}`), built.stderr);
      }
      const refused = await build(as, address, await envOf({}));
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /pull access denied, repository does not exist or may require authorization/);
    });
  }

  test(`${as} build: a token of the client's own`, async () => {
    const { address } = withTokens;
    const registrytoken = await tokens.token("repository:team/box:pull", `repository:team/${as}:pull,push`);
    const built = await build(as, address, await envOf({ auths: { [address]: { registrytoken } } }));
    assert.equal(built.code, 0, built.stderr);
  });
}

test("docker build: a push gets one token", async () => {
  const { address } = withTokens;
  const built = await build("docker", address, await envOf({ auths: { [address]: { auth: AUTH } } }));
  const lines = built.stderr.split("\n").filter((line) => /\[auth\] .*team\/docker:pull,push token/.test(line));
  assert.equal(new Set(lines).size, 1, built.stderr);
});
