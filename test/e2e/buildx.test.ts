/** docker build, buildx, bake and compose build: the real clients over gRPC, on a daemon of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import { importBusybox, openClientEngine } from "./support/engine.ts";
import type { ClientEngine } from "./support/engine.ts";
import { run } from "./support/process.ts";
import type { Ran, RunOptions } from "./support/process.ts";
import { file, makeTar } from "./support/rootfs.ts";

/** Tried against dockerd, whose socket has no direct HTTP/2 yet. */
const isForeign = process.env["VARVE_CLIENT_SOCKET"] !== undefined;

const BOX = "buildxbox:1";

const DOCKERFILE = `FROM ${BOX}
ENV A=b
COPY a.txt /a.txt
RUN echo hello; cat /a.txt >&2
CMD ["cat", "/a.txt"]
`;

const BAKE = `
group "default" { targets = ["base", "app"] }
target "base" {
  dockerfile-inline = "FROM ${BOX}\\nENV BASE=yes\\nRUN echo base > /base.txt"
}
target "app" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\\nCOPY --from=base /base.txt /copied.txt\\nCOPY a.txt /a.txt"
  tags = ["buildx-app:1"]
}
`;

const COMPOSE = `
name: buildxtest
services:
  one: { build: { context: . }, image: "buildx-one:1" }
  two: { build: { context: ., dockerfile_inline: "FROM ${BOX}\\nCOPY a.txt /b.txt" }, image: "buildx-two:1" }
`;

describe("docker build", () => {
  let engine: ClientEngine;
  let folder: string;
  let context: string;
  const images: string[] = [];

  const docker = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    run("docker", args, { cwd: context, env: engine.env, ...options });
  const must = async (args: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    const ran = await docker(args, options);
    assert.equal(ran.code, 0, `docker ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
    return ran;
  };
  const build = (text: string, ...args: readonly string[]): Promise<Ran> =>
    docker(["build", "--progress=plain", ...args, "-f", "-", "."], { input: text });

  before(async () => {
    engine = await openClientEngine();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-buildx-"));
    context = join(folder, "context");
    mkdirSync(context);
    writeFileSync(join(context, "a.txt"), "text\n");
    writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
    await importBusybox(engine, BOX);
    images.push(BOX);
  });
  after(async () => {
    await docker(["rmi", "-f", ...images]);
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("a build shows its steps and their output, and what is built runs", async () => {
    const { stderr } = await must(["build", "--progress=plain", "-t", "buildx-a:1", "."]);
    images.push("buildx-a:1");
    for (const line of [
      /^#\d+ \[internal\] load build definition from Dockerfile$/m,
      /^#\d+ transferring dockerfile: \d+B/m,
      /^#\d+ transferring context: \d+B/m,
      /^#\d+ \[2\/3\] COPY a\.txt \/a\.txt$/m,
      /^#\d+ \d+\.\d+ hello$/m,
      /^#\d+ \d+\.\d+ text$/m,
      /^#\d+ writing image sha256:[0-9a-f]{64}/m,
      /^#\d+ naming to docker\.io\/library\/buildx-a:1/m,
    ])
      assert.match(stderr, line);
    assert.equal((await must(["run", "--rm", "--network", "none", "buildx-a:1"])).stdout, "text\n");
    const again = await must(["build", "--progress=plain", "."]);
    assert.match(again.stderr, /\[2\/3\] COPY a\.txt \/a\.txt\n#\d+ CACHED$/m);
    assert.match(again.stderr, /\[3\/3\] RUN .*\n#\d+ CACHED$/m);
  });

  test("-q prints the image's ID; files get ID and metadata", async () => {
    const { stdout } = await must(["build", "-q", "-t", "buildx-a:1", "."]);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
    const files = [join(folder, "iid"), join(folder, "metadata")] as const;
    await must(["buildx", "build", "--iidfile", files[0], "--metadata-file", files[1], "."]);
    assert.equal(readFileSync(files[0], "utf8"), stdout.trim());
    const metadata: unknown = JSON.parse(readFileSync(files[1], "utf8"));
    assert.equal(Reflect.get(Object(metadata), "containerimage.config.digest"), stdout.trim());
  });

  test("a failing step fails the build with its place, its output and its code", async () => {
    const { code, stderr } = await build(`FROM ${BOX}\nRUN echo before; exit 7\n`);
    assert.equal(code, 1);
    assert.match(stderr, /^Dockerfile:2\n-{20}\n +1 \| +FROM buildxbox:1\n +2 \| >>> RUN echo before; exit 7$/m);
    assert.match(
      stderr,
      /^ERROR: failed to solve: process "\/bin\/sh -c echo before; exit 7" did not complete successfully: exit code: 7$/m,
    );
  });

  test("what is no Dockerfile is told with its line", async () => {
    const { code, stderr } = await build(`FROM ${BOX}\nRUM x\n`);
    assert.equal(code, 1);
    assert.match(stderr, / 2 \| >>> RUM x$/m);
    assert.match(stderr, /^ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUM/m);
  });

  test("secrets reach the step that asks for them", async () => {
    const text = `FROM ${BOX}\nRUN --mount=type=secret,id=s cat /run/secrets/s\n`;
    const ran = await build(text, "--secret", "id=s,src=a.txt");
    assert.match(ran.stderr, /^#\d+ \d+\.\d+ text$/m);
    const without = await build(text.replace("id=s ", "id=none,required=true "), "--no-cache");
    assert.match(without.stderr, /secret none: not found/);
  });

  test("a context may be an archive on standard input", async () => {
    const tar = makeTar([file("Dockerfile", `FROM ${BOX}\nCOPY in /in\nRUN cat /in\n`), file("in", "inside\n")]);
    const { code, stderr } = await docker(["build", "--progress=plain", "-"], { input: tar });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^#\d+ \d+\.\d+ inside$/m);
  });

  test("results go to the client as directory and archive", async () => {
    const text = "FROM scratch\nCOPY a.txt /sub/\n";
    const out = join(folder, "out");
    assert.equal((await build(text, "-o", out)).code, 0);
    assert.equal(readFileSync(join(out, "sub/a.txt"), "utf8"), "text\n");
    assert.equal((await build(text, "-o", `type=tar,dest=${out}.tar`)).code, 0);
    assert.equal((await run("tar", ["xOf", `${out}.tar`, "sub/a.txt"])).stdout, "text\n");
  });

  test("an archive is an OCI layout, with provenance when it is asked for; layouts are contexts", async () => {
    const archive = join(folder, "image.tar");
    const layout = join(folder, "layout");
    const oci = await build(DOCKERFILE, "--provenance=true", "-o", `type=oci,dest=${archive}`);
    assert.match(oci.stderr, /exporting attestation manifest sha256:/);
    mkdirSync(layout);
    assert.equal((await run("tar", ["xf", archive, "-C", layout])).code, 0);
    const index: unknown = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    const [first]: readonly unknown[] = Object(index).manifests;
    const digest = String(Reflect.get(Object(first), "digest"));
    const from = await build("FROM base\nRUN cat /a.txt\n", "--build-context", `base=oci-layout://${layout}@${digest}`);
    assert.equal(from.code, 0, from.stderr);
    assert.match(from.stderr, /^#\d+ \d+\.\d+ text$/m);
  });

  test("an interrupted build ends its steps", async () => {
    const marker = `sleep ${300_000 + (process.pid % 1000)}`;
    const child = spawn("docker", ["build", "--no-cache", "--progress=plain", "-f", "-", "."], {
      cwd: context,
      env: { ...process.env, ...engine.env },
      stdio: ["pipe", "ignore", "pipe"],
    });
    child.stdin.end(`FROM ${BOX}\nRUN echo started; ${marker}\n`);
    let output = "";
    for await (const chunk of child.stderr) {
      output += String(chunk);
      if (/\d started$/m.test(output)) child.kill("SIGINT");
    }
    if (child.exitCode === null) await once(child, "exit");
    assert.match(output, /^ERROR: failed to solve: Canceled: context canceled$/m);
    const { stdout } = await run("ps", ["-eo", "args"]);
    assert.ok(!stdout.split("\n").includes(marker), "the step still runs");
  });

  test("bake: a target is the context of another", async () => {
    writeFileSync(join(context, "docker-bake.hcl"), BAKE);
    await must(["buildx", "bake", "-f", "docker-bake.hcl"]);
    images.push("buildx-app:1");
    const { stdout } = await must(["run", "--rm", "--network", "none", "buildx-app:1", "cat", "/copied.txt", "/a.txt"]);
    assert.equal(stdout, "base\ntext\n");
    const env = await must(["image", "inspect", "-f", "{{json .Config.Env}}", "buildx-app:1"]);
    assert.match(env.stdout, /BASE=yes/);
  });

  test("compose build: services at the same time, on one screen", async () => {
    writeFileSync(join(context, "compose.yaml"), COMPOSE);
    await must(["compose", "build"]);
    images.push("buildx-one:1", "buildx-two:1");
    assert.equal((await must(["run", "--rm", "--network", "none", "buildx-two:1", "cat", "/b.txt"])).stdout, "text\n");
    const label = '{{index .Config.Labels "com.docker.compose.service"}}';
    assert.equal((await must(["image", "inspect", "-f", label, "buildx-one:1"])).stdout, "one\n");
  });

  test("buildx: the builder says what it is, its cache is listed and pruned", async () => {
    const { stdout } = await must(["buildx", "inspect"]);
    assert.match(stdout, /^Driver: +docker$/m);
    assert.match(stdout, /^Status: +running$/m);
    assert.match(stdout, /^Platforms: +linux\//m);
    assert.match((await must(["buildx", "du"])).stdout, /^Total:\s+[\d.]+[kMG]?B$/m);
    assert.match((await must(["builder", "prune", "-f"])).stdout, /^Total:\s/m);
  });

  test("buildx's remote driver speaks HTTP/2 from the first byte", { skip: isForeign }, async () => {
    const remote = { env: { ...engine.env, BUILDX_CONFIG: join(folder, "buildx") } };
    const create = ["buildx", "create", "--name", "direct", "--driver", "remote", `unix://${engine.socket}`];
    await must(create, remote);
    assert.match((await must(["buildx", "inspect", "direct"], remote)).stdout, /^Status: +running$/m);
    const out = join(folder, "direct");
    await must(["buildx", "build", "--builder", "direct", "-q", "-o", out, "-f", "-", "."], {
      ...remote,
      input: "FROM scratch\nCOPY a.txt /\n",
    });
    assert.equal(readFileSync(join(out, "a.txt"), "utf8"), "text\n");
  });

  test("many builds leave no open file behind", {
    skip: process.env["VARVE_CLIENT_SOCKET"] !== undefined,
  }, async () => {
    const before_ = await openFiles(engine);
    for (let round = 0; round < 5; round += 1) await must(["build", "-q", "."]);
    assert.ok((await openFiles(engine)) <= before_ + 4, "descriptors grow with builds");
  });
});

/** A port that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

/** A certificate that signs itself, for this machine's name on loopback. */
async function certificate(folder: string): Promise<void> {
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
  const out = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  assert.equal((await run("openssl", [...request, ...names, ...out])).code, 0);
  copyFileSync(join(folder, "cert.pem"), join(folder, "ca.pem"));
}

test("docker build over TCP with TLS", async () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-e2e-buildx-tls-"));
  try {
    await certificate(folder);
    const port = await freePort();
    const pem = (name: string): string => join(folder, `${name}.pem`);
    const tls = ["--tlsverify", "--tlscacert", pem("ca"), "--tlscert", pem("cert"), "--tlskey", pem("key")];
    await using daemon = await startDaemon({ flags: ["-H", `tcp://127.0.0.1:${port}`, ...tls] });
    await using engine = await openClientEngine(daemon.socket);
    const env = {
      ...engine.env,
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: folder,
    };
    writeFileSync(join(folder, "large"), Buffer.alloc(8 << 20, 1));
    const text = "FROM scratch\nCOPY large /\n";
    for (let round = 0; round < 3; round += 1) {
      const ran = await run("docker", ["build", "-q", "--no-cache", "-f", "-", "."], { cwd: folder, env, input: text });
      assert.equal(ran.code, 0, `${ran.stderr}${daemon.log()}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function openFiles(engine: ClientEngine): Promise<number> {
  const { stdout } = await run("docker", ["info", "-f", "{{.NFd}}"], { env: engine.env });
  return Number(stdout);
}
