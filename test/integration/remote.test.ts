/**
 * The registry client against Debian's docker-registry (package docker-registry): open, with htpasswd, and with tokens that
 * a small token server in this test signs. Needs no root.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import { parseDigest, parseReference, withTag } from "#oci";
import type { Descriptor } from "#oci";
import { createRegistryClient } from "#remote";
import type { RegistryClient, RegistryCredentials } from "#remote";
import { startTokenServer } from "./support/tokenServer.ts";

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
/** `alice:secret`, bcrypt of `htpasswd -Bbn`. */
const HTPASSWD = "alice:$2y$05$y5O7yDQ/J4WHHf3W0LbglOlGlxKzS6ypJoG0ybvZdl9VwlI0kReLa";

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

interface Registry extends AsyncDisposable {
  readonly host: string;
}

/** Starts docker-registry in a folder of its own; `auth` is a YAML section that may name files of the folder. */
async function startRegistry(auth: (folder: string) => string = () => ""): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), "varve-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${folder}/data\n  delete:\n    enabled: true\n`;
  const config = `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: ${host}\n${auth(folder)}`;
  writeFileSync(join(folder, "config.yml"), config);
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  for (let tries = 0; !(await answers(Number(host.split(":")[1]))); tries += 1) {
    assert.ok(tries < 200 && child.exitCode === null, "docker-registry did not start");
    await delay(25);
  }
  return {
    host,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

function newClient(): RegistryClient {
  return createRegistryClient({
    insecureRegistries: [],
    registryMirrors: [],
    mirrorsByHost: {},
    userAgent: "varve-test/1",
    certsDirectory: "/nonexistent",
  });
}

const describeBytes = (bytes: Uint8Array, mediaType: string): Descriptor => ({
  mediaType,
  digest: parseDigest(`sha256:${createHash("sha256").update(bytes).digest("hex")}`),
  size: bytes.length,
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

/** Pushes an image of one config, one layer of known and one of unknown size; pulls it back by tag and digest. */
async function roundTrip(client: RegistryClient, host: string, credentials?: RegistryCredentials): Promise<void> {
  const reference = parseReference(`${host}/team/app:1`);
  const auth = credentials === undefined ? {} : { credentials };
  const writer = client.repository(reference, { ...auth, scope: "push" });
  const blobs = [
    Buffer.from('{"rootfs":{"type":"layers","diff_ids":[]}}'),
    randomBytes(3_000_000),
    randomBytes(20_000_000),
  ];
  const [config, known, unknown] = blobs.map((bytes, index) =>
    describeBytes(bytes, index === 0 ? CONFIG_TYPE : LAYER_TYPE),
  );
  assert.ok(config !== undefined && known !== undefined && unknown !== undefined);
  for (const [index, { digest, size }] of [config, known, unknown].entries()) {
    assert.equal(await writer.hasBlob(digest), false);
    const open = (offset: number): AsyncIterable<Uint8Array> =>
      pieces(blobs[index]?.subarray(offset) ?? Buffer.alloc(0));
    await writer.uploadBlob(index === 2 ? { digest: () => digest, size: undefined, open } : { digest, size, open });
    assert.equal(await writer.hasBlob(digest), true);
  }
  const raw = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [known, unknown] }),
  );
  assert.equal(await writer.headManifest("1"), undefined);
  const digest = await writer.putManifest("1", { raw, mediaType: MANIFEST_TYPE });
  assert.deepEqual(await writer.headManifest("1"), { mediaType: MANIFEST_TYPE, digest, size: raw.length });

  const reader = client.repository(reference, auth);
  assert.deepEqual(await reader.listTags(), ["1"]);
  const document = await reader.resolve(reference);
  assert.deepEqual([document.digest, Buffer.from(document.raw).equals(raw)], [digest, true]);
  assert.equal((await reader.fetchManifest({ mediaType: MANIFEST_TYPE, digest, size: raw.length })).digest, digest);
  assert.deepEqual(Buffer.from(await reader.readBlob(config)), blobs[0]);
  for (const offset of [0, 12_345]) {
    await using stream = await reader.openBlob(unknown, { offset });
    const hash = createHash("sha256").update(blobs[2]?.subarray(0, stream.offset) ?? "");
    for await (const chunk of stream.body) hash.update(chunk);
    assert.deepEqual([stream.offset, `sha256:${hash.digest("hex")}`], [offset, unknown.digest]);
  }

  const other = client.repository(parseReference(`${host}/team/other`), { ...auth, scope: "push" });
  assert.equal(await other.mountBlob(known.digest, "team/app"), true);
  assert.equal(await other.hasBlob(known.digest), true);
}

test("docker-registry: what was pushed comes back by tag, digest and range; a blob is mounted across repositories", async () => {
  await using registry = await startRegistry();
  await using client = newClient();
  await roundTrip(client, registry.host);
});

test("docker-registry: unknown repository, tag and tag list are told as dockerd tells them", async () => {
  await using registry = await startRegistry();
  await using client = newClient();
  const reference = parseReference(`${registry.host}/nope:1`);
  await assert.rejects(client.repository(reference).resolve(reference), {
    category: "not_found",
    message: `manifest for ${registry.host}/nope:1 not found: manifest unknown: manifest unknown`,
  });
  await assert.rejects(client.repository(reference).listTags(), {
    category: "not_found",
    message: `repository ${registry.host}/nope not found: name unknown: repository name not known to registry`,
  });
});

function htpasswdAuth(folder: string): string {
  writeFileSync(join(folder, "htpasswd"), HTPASSWD);
  return `auth:\n  htpasswd:\n    realm: test\n    path: ${folder}/htpasswd\n`;
}

test("docker-registry: htpasswd wants credentials; login tells right from wrong", async () => {
  await using registry = await startRegistry(htpasswdAuth);
  await using client = newClient();
  const reference = parseReference(`${registry.host}/app:1`);
  await assert.rejects(client.repository(reference).resolve(reference), {
    category: "unauthenticated",
    message: `Head "http://${registry.host}/v2/app/manifests/1": no basic auth credentials`,
  });
  await assert.rejects(client.login(registry.host, { username: "alice", password: "wrong" }), {
    message: `login attempt to http://${registry.host}/v2/ failed with status: 401 Unauthorized`,
  });
  const credentials = { username: "alice", password: "secret" };
  assert.deepEqual(await client.login(registry.host, credentials), {});
  await roundTrip(client, registry.host, credentials);
});

test("docker-registry: tokens are fetched for the scopes that are needed; others are denied as dockerd says it", async () => {
  await using tokens = await startTokenServer();
  await using registry = await startRegistry(tokens.auth);
  await using client = newClient();
  await roundTrip(client, registry.host, { username: "alice", password: "secret" });
  assert.deepEqual(tokens.scopes, [
    ["repository:team/app:pull,push"],
    ["repository:team/app:pull"],
    ["repository:team/app:pull", "repository:team/other:pull,push"],
    ["repository:team/other:pull,push"],
  ]);
  const reference = withTag(parseReference(`${registry.host}/team/app`), "1");
  await assert.rejects(client.repository(reference).resolve(reference), {
    category: "not_found",
    code: "ACCESS_DENIED",
    message: `pull access denied for ${registry.host}/team/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  });
});
