/** RUN --mount=type=ssh: a real agent and key files, by docker's client and ours; nothing of either stays. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon, type TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { run, type Ran } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const LOADER = "/ssh/ld.so --library-path /ssh /ssh/ssh-add";

describe("ssh of builds", () => {
  let daemon: TestDaemon;
  let folder: string;
  let agent: ChildProcess;
  let env: Record<string, string>;
  let key: string;

  /** Debian's ssh-add with all that it is linked with, for a root that has none of it. */
  function takeSshAdd(into: string): void {
    mkdirSync(into, { recursive: true });
    copyFileSync("/usr/bin/ssh-add", join(into, "ssh-add"));
    for (const [library] of execFileSync("ldd", ["/usr/bin/ssh-add"]).toString().matchAll(/\/\S+/g)) {
      const name = basename(library);
      copyFileSync(realpathSync(library), join(into, name.startsWith("ld-linux") ? "ld.so" : name));
    }
  }

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-ssh-"));
    env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: await pluginConfig() };
    takeSshAdd(join(folder, "context/ssh"));
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "agents-key", "-f", join(folder, "key")]);
    execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", join(folder, "rsa")]);
    key = readFileSync(join(folder, "key.pub"), "utf8").split(" ")[1] ?? "";
    const socket = join(folder, "agent");
    agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    for (let attempt = 0; attempt < 100 && !existsSync(socket); attempt += 1) await sleep(50);
    execFileSync("ssh-add", ["-q", join(folder, "key")], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    agent.kill();
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const clients: Readonly<Record<string, (args: readonly string[]) => Promise<Ran>>> = {
    docker: (args) =>
      run("docker", ["build", "--progress=plain", ...args, join(folder, "context")], { env, cwd: folder }),
    varve: (args) => daemon.varve(["build", "--progress=plain", ...args, join(folder, "context")], { cwd: folder }),
  };
  for (const [name, build] of Object.entries(clients)) {
    const write = (text: string): void => writeFileSync(join(folder, "context/Dockerfile"), text);

    test(`${name}: a step reaches the agent, at its own place with its own mode`, async () => {
      write(`FROM box:1\nCOPY ssh /ssh\nRUN --mount=type=ssh ${LOADER} -L && echo at $SSH_AUTH_SOCK
RUN --mount=type=ssh,target=/x/agent,mode=0666,uid=5,gid=6 stat -c 'has %a %u %g %F' /x/agent
RUN ls -a / > /names; ls -a /run /x 2>/dev/null; echo "sock=$SSH_AUTH_SOCK."\n`);
      const { code, stderr } = await build(["--no-cache", "--ssh", `default=${join(folder, "agent")}`, "-t", "ssh:1"]);
      assert.equal(code, 0, stderr);
      assert.match(stderr, new RegExp(`ssh-ed25519 ${key.replaceAll("+", "\\+")} agents-key$`, "m"));
      assert.match(stderr, / at \/run\/buildkit\/ssh_agent\.0$/m);
      assert.match(stderr, / has 666 5 6 socket$/m);
      assert.match(stderr, / sock=\.$/m);
      assert.doesNotMatch(stderr, /\d agent$/m);
    });

    test(`${name}: keys out of files, of several kinds`, async () => {
      write(`FROM box:1\nCOPY ssh /ssh\nRUN --mount=type=ssh,id=keys ${LOADER} -L\n`);
      const { code, stderr } = await build(["--no-cache", "--ssh", "keys=key,rsa"]);
      assert.equal(code, 0, stderr);
      assert.match(stderr, new RegExp(`ssh-ed25519 ${key.replaceAll("+", "\\+")}`));
      assert.match(stderr, / ssh-rsa AAAA/);
      const wrong = await build(["--ssh", "keys=context/Dockerfile"]);
      assert.match(wrong.stderr, /^ERROR: failed to parse context\/Dockerfile: ssh: no key found$/m);
      const absent = await build(["--ssh", "keys=nope"]);
      assert.match(absent.stderr, /^ERROR: stat nope: no such file or directory$/m);
    });

    test(`${name}: without an agent the step does without, unless it must not`, async () => {
      write("FROM box:1\nRUN --mount=type=ssh test ! -e $SSH_AUTH_SOCK\n");
      const { code, stderr } = await build(["--no-cache"]);
      assert.equal(code, 0, stderr);
      write("FROM box:1\nRUN --mount=type=ssh,required=true true\n");
      assert.match((await build(["--no-cache"])).stderr, /^ERROR: failed to solve: unset ssh forward key default$/m);
    });
  }
});
