import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { parseReference } from "#oci";
import { loadConfigFile } from "./configFile.ts";
import {
  encodeRegistryAuth,
  eraseCredentials,
  HUB_SERVER,
  readCredentials,
  serverOf,
  storeCredentials,
} from "./credentials.ts";

let folder = "";
const path = process.env["PATH"] ?? "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-auth-"));
});

afterEach(() => {
  process.env["PATH"] = path;
  rmSync(folder, { recursive: true });
});

const write = (value: unknown): void => writeFileSync(join(folder, "config.json"), JSON.stringify(value));
const read = (): unknown => JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));

/** A helper that keeps one secret in a file, speaking docker-credential-helpers' protocol. */
function installHelper(name: string): void {
  const program = join(folder, `docker-credential-${name}`);
  writeFileSync(
    program,
    `#!/bin/sh
case $1 in
  store) cat > '${folder}/secret' ;;
  erase) cat > /dev/null; rm -f '${folder}/secret' ;;
  get) cat > /dev/null
    if [ -f '${folder}/secret' ]; then cat '${folder}/secret'; else echo "credentials not found in native keychain"; exit 1; fi ;;
esac
`,
  );
  chmodSync(program, 0o755);
  process.env["PATH"] = `${folder}:${path}`;
}

test("credentials: stored in the file as docker does, found again, erased, other keys kept", async () => {
  write({ auths: { other: { auth: "eDp5" } }, psFormat: "{{.ID}}", unknown: { kept: true } });
  assert.equal(
    await storeCredentials(loadConfigFile(folder), "r:5000", { username: "me", password: "se:cret" }),
    "plain",
  );
  assert.deepEqual(read(), {
    auths: { other: { auth: "eDp5" }, "r:5000": { auth: Buffer.from("me:se:cret").toString("base64") } },
    psFormat: "{{.ID}}",
    unknown: { kept: true },
  });
  assert.equal(statSync(join(folder, "config.json")).mode & 0o777, 0o600);
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r:5000"), {
    username: "me",
    password: "se:cret",
    serveraddress: "r:5000",
  });
  assert.equal(await eraseCredentials(loadConfigFile(folder), "r:5000"), true);
  assert.equal(await eraseCredentials(loadConfigFile(folder), "r:5000"), false);
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r:5000"), {});
});

test("credentials: an identity token is kept instead of the password", async () => {
  const auth = { username: "me", password: "x", identitytoken: "tok" };
  assert.equal(await storeCredentials(loadConfigFile(folder), "r", auth), "token");
  assert.equal(await storeCredentials(loadConfigFile(folder), "r", auth), "unchanged");
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r"), {
    username: "me",
    password: "",
    identitytoken: "tok",
    serveraddress: "r",
  });
});

test("credentials: an old key with scheme and path names the same registry", async () => {
  write({ auths: { "https://r.example/v1/": { auth: Buffer.from("a:b").toString("base64") } } });
  assert.equal((await readCredentials(loadConfigFile(folder), "r.example")).username, "a");
});

test("credentials: config.json stays a symlink when it is one", async () => {
  writeFileSync(join(folder, "real.json"), "{}");
  symlinkSync("real.json", join(folder, "config.json"));
  await storeCredentials(loadConfigFile(folder), "r", { username: "a", password: "b" });
  assert.match(readFileSync(join(folder, "real.json"), "utf8"), /"auth": "YTpi"/);
});

test("credentials: credsStore and credHelpers are asked before the file", async () => {
  installHelper("test");
  write({ credsStore: "test" });
  assert.equal(await storeCredentials(loadConfigFile(folder), "r", { username: "a", password: "b" }), "helper");
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "secret"), "utf8")), {
    ServerURL: "r",
    Username: "a",
    Secret: "b",
  });
  assert.deepEqual(read(), { credsStore: "test", auths: { r: {} } });
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r"), {
    username: "a",
    password: "b",
    serveraddress: "r",
  });
  await eraseCredentials(loadConfigFile(folder), "r");
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r"), {});
  write({ credHelpers: { r: "test" }, auths: { other: { auth: "YTpi" } } });
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r"), {});
  assert.equal((await readCredentials(loadConfigFile(folder), "other")).username, "a");
});

test("credentials: a helper's <token> is an identity token", async () => {
  installHelper("test");
  write({ credsStore: "test" });
  await storeCredentials(loadConfigFile(folder), "r", { username: "a", identitytoken: "tok" });
  assert.deepEqual(await readCredentials(loadConfigFile(folder), "r"), { identitytoken: "tok", serveraddress: "r" });
});

test("credentials: a helper that is not installed is named", async () => {
  write({ credsStore: "nosuch" });
  await assert.rejects(readCredentials(loadConfigFile(folder), "r"), {
    message:
      'error getting credentials - err: exec: "docker-credential-nosuch": executable file not found in $PATH, out: ``',
  });
});

test("credentials: Docker Hub has its own key, and the header is base64url", () => {
  assert.equal(serverOf(parseReference("nginx")), HUB_SERVER);
  assert.equal(serverOf(parseReference("r:5000/nginx")), "r:5000");
  assert.deepEqual(JSON.parse(Buffer.from(encodeRegistryAuth({ password: "ÿ?>" }), "base64url").toString()), {
    password: "ÿ?>",
  });
  assert.doesNotMatch(encodeRegistryAuth({ password: "ÿ?>ÿÿÿ" }), /[+/]/);
});
