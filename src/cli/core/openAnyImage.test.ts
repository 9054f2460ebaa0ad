import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfigFile } from "#client";
import type { EngineClient } from "#client";
import { TAR_END, encodeTarHeader, tarPadding } from "#tar";
import { openAnyImage } from "./openAnyImage.ts";

/** Commands on archives must work where no daemon is. */
const noClient: EngineClient = new Proxy({} as EngineClient, {
  get: () => assert.fail("the daemon was asked"),
});

test("openAnyImage: an archive is opened without the daemon, any other name by it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "varve-cli-"));
  t.after(() => rm(directory, { recursive: true }));
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers" } }));
  const manifest = Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: ["a:1"], Layers: [] }]));
  const member = (path: string, body: Buffer): Buffer =>
    Buffer.concat([encodeTarHeader({ path, type: "file", size: body.length }), body, tarPadding(body.length)]);
  const archive = Buffer.concat([member("config.json", config), member("manifest.json", manifest), TAR_END]);
  await writeFile(join(directory, "a.tar"), archive);
  const session = { client: noClient, config: loadConfigFile(directory) };
  await using image = await openAnyImage(session, `docker-archive:${directory}/a.tar`);
  assert.equal(image.imageId, `sha256:${createHash("sha256").update(config).digest("hex")}`);
  await assert.rejects(openAnyImage(session, "registry:2"), /the daemon was asked/);
});

test("openAnyImage: a registry is asked with the credentials of config.json", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "varve-cli-"));
  const seen = new Set<string | undefined>();
  const server = createServer((request, response) => {
    seen.add(request.headers.authorization);
    response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end("{}");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const auth = Buffer.from("alice:secret").toString("base64");
  await writeFile(join(directory, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  const session = { client: noClient, config: loadConfigFile(directory) };
  await assert.rejects(openAnyImage(session, `registry:${host}/a:1`));
  assert.ok(seen.has(`Basic ${auth}`));
});
