/** Registries as people meet them: accounts, mirrors, bad lines, bad images; docker's command line and ours. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MediaType } from "#oci";
import {
  gzipLayerOf,
  noiseOf,
  serveImage,
  startScriptedRegistry,
  tarOfFile,
} from "../integration/support/scriptedRegistry.ts";
import type { ScriptedRegistry } from "../integration/support/scriptedRegistry.ts";
import { startTokenServer } from "../integration/support/tokenServer.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must, run } from "./support/process.ts";
import type { Ran } from "./support/process.ts";
import { freePort, startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

/** `alice:secret`, bcrypt of `htpasswd -Bbn`. */
const HTPASSWD = "alice:$2y$05$y5O7yDQ/J4WHHf3W0LbglOlGlxKzS6ypJoG0ybvZdl9VwlI0kReLa";
/** Keeps what it is told in a file beside it. */
const HELPER = `#!/bin/sh
store=$(dirname "$0")/kept
case $1 in
  store) cat > "$store" ;;
  get) cat > /dev/null; [ -e "$store" ] && exec cat "$store"; echo "credentials not found in native keychain"; exit 1 ;;
  erase) cat > /dev/null; rm -f "$store" ;;
esac
`;

const layerOf = (name: string, bytes = 2000): ReturnType<typeof gzipLayerOf> =>
  gzipLayerOf(tarOfFile(name, noiseOf(bytes, name)));

let folder: string;
let scripted: ScriptedRegistry;
let daemon: TestDaemon;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-registry-test-"));
  await writeFile(join(folder, "docker-credential-test"), HELPER);
  await chmod(join(folder, "docker-credential-test"), 0o755);
  scripted = await startScriptedRegistry();
  const deadMirror = `http://127.0.0.1:${await freePort()}`;
  await writeFile(
    join(folder, "daemon.json"),
    JSON.stringify({
      "registry-mirrors": [deadMirror, `http://${scripted.address}`],
      "registry-mirrors-by-host": { "registry.invalid": [`http://${scripted.address}`] },
    }),
  );
  daemon = await startDaemon({ flags: ["--config-file", join(folder, "daemon.json")] });
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  await scripted[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe("accounts", () => {
  let locked: TestRegistry;
  let name: string;

  before(async () => {
    locked = await startRegistry({ htpasswd: HTPASSWD });
    name = `${locked.address}/team/app:1`;
    serveImage(scripted, "account:1", [layerOf("account")]);
    await daemon.mustDocker(["pull", `${scripted.address}/account:1`]);
    await daemon.mustDocker(["tag", `${scripted.address}/account:1`, name]);
  });
  after(async () => await locked[Symbol.asyncDispose]());

  const login = (as: "docker" | "varve", password: string, env: Readonly<Record<string, string>>): Promise<Ran> =>
    daemon[as](["login", "-u", "alice", "--password-stdin", locked.address], { input: `${password}\n`, env });

  test("pull without an account: fails with 500, for at 401 docker's command line asks for a password", async () => {
    const path = `/images/create?fromImage=${encodeURIComponent(`${locked.address}/team/app`)}&tag=1`;
    const message = `Head "http://${locked.address}/v2/team/app/manifests/1": no basic auth credentials`;
    const { status, body } = await daemon.api("POST", path);
    assert.deepEqual([status, body], [500, { message }]);
    const ran = await daemon.docker(["pull", name], { timeoutMs: 10_000 });
    assert.deepEqual([ran.code, ran.stderr], [1, `Error response from daemon: ${message}\n`]);
  });

  test("push without an account: one line", async () => {
    const ran = await daemon.docker(["push", name]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /no basic auth credentials\n$/);
  });

  for (const as of ["docker", "varve"] as const) {
    test(`config file: ${as} logs in, pushes, pulls, logs out`, async () => {
      const env = { DOCKER_CONFIG: join(folder, `plain-${as}`) };
      const wrong = await login(as, "wrong", env);
      assert.match(wrong.stderr, /login attempt to http:\/\/\S+\/v2\/ failed with status: 401 Unauthorized\n$/);
      const ran = await login(as, "secret", env);
      assert.deepEqual([ran.code, ran.stdout], [0, "Login Succeeded\n"]);
      const file = (): Promise<string> => readFile(join(env.DOCKER_CONFIG, "config.json"), "utf8");
      assert.deepEqual(JSON.parse(await file()), {
        auths: { [locked.address]: { auth: Buffer.from("alice:secret").toString("base64") } },
      });
      const again = await login(as, "secret", env);
      assert.equal(again.code, 0);
      // docker warns again until 27; what is not written anew needs no warning.
      if (as === "varve") assert.equal(again.stderr, "");
      assert.equal((await daemon[as](["push", "-q", name], { env })).stdout, `${name}\n`);
      assert.equal((await daemon[as](["pull", "-q", name], { env })).stdout, `${name}\n`);
      await daemon[as](["logout", locked.address], { env });
      assert.deepEqual(JSON.parse(await file()), { auths: {} });
    });

    test(`credential helper: ${as} keeps the password there and asks it`, async () => {
      const env = { DOCKER_CONFIG: join(folder, `helper-${as}`), PATH: `${folder}:${process.env["PATH"] ?? ""}` };
      await mkdir(env.DOCKER_CONFIG);
      const config = join(env.DOCKER_CONFIG, "config.json");
      await writeFile(config, JSON.stringify({ credHelpers: { [locked.address]: "test" }, credsStore: "absent" }));
      assert.equal((await login(as, "secret", env)).code, 0);
      assert.doesNotMatch(await readFile(config, "utf8"), /secret|YWxpY2U6/);
      assert.equal((await daemon[as](["pull", "-q", name], { env })).stdout, `${name}\n`);
      await daemon[as](["logout", locked.address], { env });
      assert.notEqual((await daemon[as](["pull", "-q", name], { env })).code, 0);
    });
  }
});

test("tokens: what the account may do is done, what it may not is refused as dockerd does", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startRegistry({ auth: tokens.auth() });
  const name = `${registry.address}/team/token:1`;
  serveImage(scripted, "token:1", [layerOf("token")]);
  await daemon.mustDocker(["pull", "-q", `${scripted.address}/token:1`]);
  await daemon.mustDocker(["tag", `${scripted.address}/token:1`, name]);
  const denied = await daemon.docker(["push", "-q", name]);
  assert.equal(denied.stderr, "denied: requested access to the resource is denied\n");
  await daemon.mustVarve(["login", "-u", "alice", "--password-stdin", registry.address], { input: "secret\n" });
  await daemon.mustDocker(["push", "-q", name]);
  await daemon.mustVarve(["pull", "-q", name]);
  await daemon.mustVarve(["logout", registry.address]);
  const refused = await daemon.docker(["pull", "-q", name]);
  assert.equal(
    refused.stderr,
    `Error response from daemon: pull access denied for ${registry.address}/team/token, repository does not exist or may require 'docker login': denied: requested access to the resource is denied\n`,
  );
});

describe("places", () => {
  test("mirrors: the next one is asked when one is dead, of Docker Hub and of any host", async () => {
    serveImage(scripted, "library/hubby:latest", [layerOf("hubby")]);
    assert.equal(await daemon.mustDocker(["pull", "-q", "hubby"]), "docker.io/library/hubby:latest\n");
    assert.equal(
      await daemon.mustVarve(["pull", "-q", "registry.invalid/library/hubby"]),
      "registry.invalid/library/hubby:latest\n",
    );
    const missing = await daemon.docker(["pull", "-q", "registry.invalid/nope"]);
    assert.match(missing.stderr, /Get "https:\/\/registry\.invalid\/v2\/": dial tcp: lookup registry\.invalid/);
  });

  test("index: the platform that is asked for; none that fits is told", async () => {
    const entries = ["amd64", "arm64"].map((architecture) => {
      const { manifest } = serveImage(scripted, `multi:${architecture}`, [layerOf(architecture)], (config) => ({
        ...config,
        architecture,
      }));
      return { ...manifest, platform: { os: "linux", architecture } };
    });
    const index = { schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests: entries };
    const { digest } = scripted.addManifest("multi:latest", index);
    const name = `${scripted.address}/multi`;
    const architecture = async (): Promise<string> =>
      (await daemon.mustDocker(["inspect", "-f", "{{.Architecture}}", name])).trim();
    for (const wanted of ["arm64", "amd64"]) {
      assert.match(await daemon.mustDocker(["pull", "--platform", `linux/${wanted}`, name]), new RegExp(digest));
      assert.equal(await architecture(), wanted);
    }
    const none = await daemon.docker(["pull", "-q", "--platform", "linux/s390x", name]);
    assert.equal(none.stderr, "no matching manifest for linux/s390x in the manifest list entries\n");
  });

  test("manifest inspect: as docker shows it", async () => {
    for (const flags of [[], ["-v"]])
      for (const name of ["multi", "multi:arm64"]) {
        const args = ["manifest", "inspect", ...flags, "--insecure", `${scripted.address}/${name}`];
        assert.equal(await daemon.mustVarve(args), await daemon.mustDocker(args), args.join(" "));
      }
  });

  test("TLS: a certificate of its own is taken on loopback", async () => {
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
    await must("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, "-days", "2", "-subj", "/CN=x"]);
    await using registry = await startRegistry({
      tls: { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") },
    });
    const name = `${registry.address}/hubby:1`;
    await daemon.mustDocker(["tag", "hubby", name]);
    await daemon.mustDocker(["push", "-q", name]);
    assert.equal(await daemon.mustVarve(["pull", "-q", name]), `${name}\n`);
  });

  test("search: one line when Docker Hub cannot be reached", async () => {
    const ran = await daemon.docker(["search", "x"]);
    if (ran.code === 0) return; // There is a network.
    assert.match(
      ran.stderr,
      /^Error response from daemon: Get "https:\/\/index\.docker\.io\/v1\/search\?q=x&n=25": dial tcp.*\n$/,
    );
  });
});

describe("lines", () => {
  test("cut connections: the pull goes on by range", async () => {
    const { layers } = serveImage(scripted, "cut:1", [layerOf("cut", 300_000), layerOf("cut2", 300_000)]);
    for (const { digest } of layers) scripted.cuts.set(digest, [100_000, 50_000]);
    await daemon.mustDocker(["pull", "-q", `${scripted.address}/cut:1`]);
    for (const { digest } of layers)
      assert.equal(scripted.blobRequests.filter((line) => line.startsWith(`GET ${digest} bytes=`)).length, 2);
  });

  test("kill -9 of the daemon: the next one goes on where it stopped", async () => {
    const { layers } = serveImage(scripted, "killed:1", [layerOf("killed", 2_000_000)]);
    const digest = layers[0]?.digest ?? "";
    const { promise, resolve } = Promise.withResolvers<undefined>();
    scripted.held.set(digest, promise);
    const pulling = daemon.docker(["pull", "-q", `${scripted.address}/killed:1`]);
    const ingest = join(daemon.dataRoot, "content/ingest");
    const arrived = async (): Promise<number> =>
      Number((await run("du", ["-sb", "--apparent-size", ingest])).stdout.split("\t")[0]);
    for (let attempt = 0; attempt < 200 && (await arrived()) < 500_000; attempt += 1) await sleep(20);
    await daemon.kill();
    assert.notEqual((await pulling).code, 0);
    resolve(undefined);
    await daemon.start();
    await daemon.mustDocker(["pull", "-q", `${scripted.address}/killed:1`]);
    assert.match(scripted.blobRequests.at(-1) ?? "", new RegExp(`^GET ${digest} bytes=[1-9]\\d+-$`));
  });
});

describe("bad images", () => {
  const state = async (): Promise<string> => {
    const parts = [
      await must("find", [`${daemon.dataRoot}/content/blobs`, `${daemon.dataRoot}/layers`, "-type", "f"]),
      await daemon.mustDocker([
        "images",
        "-a",
        "--digests",
        "--format",
        "{{.ID}} {{.Repository}} {{.Tag}} {{.Digest}}",
      ]),
    ];
    return parts.map((part) => part.split("\n").sort().join("\n")).join("\n");
  };

  test("each is refused with one line; the store is as before", async () => {
    const good = layerOf("good", 50_000);
    const half = { ...layerOf("half", 50_000) };
    const truncated = serveImage(scripted, "bad:truncated", [{ ...half, bytes: half.bytes.subarray(0, 20_000) }]);
    const spoil = (tag: string, spoiled: (bytes: Uint8Array) => Uint8Array): void => {
      const layer = layerOf(tag, 50_000);
      const digest = serveImage(scripted, `bad:${tag}`, [layer]).layers[0]?.digest ?? "";
      scripted.blobs.set(digest, spoiled(layer.bytes));
    };
    spoil("size", (bytes) => Buffer.concat([bytes, bytes]));
    spoil("digest", (bytes) => bytes.map((byte, at) => (at === 30_000 ? byte ^ 1 : byte)));
    serveImage(scripted, "bad:diffid", [good], (config) => ({
      ...config,
      rootfs: { type: "layers", diff_ids: [`sha256:${"ab".repeat(32)}`] },
    }));
    const odd = { schemaVersion: 2, mediaType: MediaType.OCI_MANIFEST };
    const helm = {
      mediaType: "application/vnd.cncf.helm.config.v1+json",
      digest: `sha256:${"cd".repeat(32)}`,
      size: 2,
    };
    scripted.addManifest("bad:helm", { ...odd, config: helm, layers: [] });
    scripted.addManifest("bad:type", { schemaVersion: 2, mediaType: "application/x-foo" });
    scripted.addManifest("bad:huge", { ...odd, annotations: { padding: "x".repeat(100_000_000) } });
    const before_ = await state();
    const cases: Readonly<Record<string, RegExp>> = {
      truncated: new RegExp(`^failed to register layer: .*${truncated.layers[0]?.digest}`),
      size: /^blob sha256:[0-9a-f]{64}: expected \d+ bytes, got \d+$/m,
      digest: /sha256:[0-9a-f]{64}/,
      diffid: new RegExp("ab".repeat(32)),
      helm: /^Encountered remote "application\/vnd\.cncf\.helm\.config\.v1\+json"\(unknown\) when fetching$/m,
      type: /unsupported .*media type "?application\/x-foo/,
      huge: /manifest bad@huge is larger than 4194304 bytes/,
    };
    for (const [tag, words] of Object.entries(cases)) {
      const ran = await daemon.docker(["pull", "-q", `${scripted.address}/bad:${tag}`]);
      assert.equal(ran.code, 1, tag);
      assert.match(ran.stderr, words);
      assert.equal(ran.stderr.trim().split("\n").length, 1, ran.stderr);
    }
    // The collector runs a moment later.
    for (let attempt = 0; attempt < 100 && (await state()) !== before_; attempt += 1) await sleep(50);
    assert.equal(await state(), before_);
  });
});
