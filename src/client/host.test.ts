import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chooseHost } from "./chooseHost.ts";
import { configDirectory, loadConfigFile } from "./configFile.ts";
import { parseHost } from "./host.ts";

test("host: sockets and addresses in every spelling", () => {
  assert.deepEqual(parseHost("unix:///run/x.sock"), {
    kind: "unix",
    address: "unix:///run/x.sock",
    socketPath: "/run/x.sock",
  });
  assert.equal(parseHost("/run/x.sock").address, "unix:///run/x.sock");
  assert.deepEqual(parseHost("tcp://10.0.0.2:80"), {
    kind: "tcp",
    address: "tcp://10.0.0.2:80",
    hostname: "10.0.0.2",
    port: 80,
  });
  assert.deepEqual(parseHost("tcp://[::1]"), { kind: "tcp", address: "tcp://[::1]", hostname: "::1", port: 2375 });
  assert.deepEqual(parseHost("tcp://h", true), { kind: "tcp", address: "tcp://h", hostname: "h", port: 2376 });
  assert.deepEqual(parseHost("localhost:2375"), {
    kind: "tcp",
    address: "tcp://localhost:2375",
    hostname: "localhost",
    port: 2375,
  });
});

test("host: refused in Docker's words when the scheme is unknown", () => {
  assert.throws(() => parseHost("foo://x"), {
    message: "Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://x",
  });
  assert.throws(() => parseHost("ssh://me@h"), { category: "not_implemented" });
});

function withConfig(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "varve-config-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("host choice: flag before VARVE_HOST before DOCKER_HOST before the default", () => {
  withConfig((folder) => {
    const config = loadConfigFile(folder);
    const env = { VARVE_HOST: "unix:///v", DOCKER_HOST: "unix:///d" };
    assert.equal(chooseHost({ host: "unix:///f" }, config, env).host.address, "unix:///f");
    assert.equal(chooseHost({}, config, env).host.address, "unix:///v");
    assert.equal(chooseHost({}, config, { DOCKER_HOST: "unix:///d" }).host.address, "unix:///d");
    const chosen = chooseHost({}, config, { VARVE_HOST: "", DOCKER_HOST: "" });
    assert.deepEqual(
      [chosen.host.address, chosen.isDefault, chosen.context],
      ["unix:///run/varve/varve.sock", true, "default"],
    );
    assert.equal(chooseHost({}, config, env).isDefault, false);
  });
});

test("host choice: the context's endpoint, by flag, variable and config.json", () => {
  withConfig((folder) => {
    const meta = join(folder, "contexts/meta", hash("sha256", "remote", "hex"));
    mkdirSync(meta, { recursive: true });
    writeFileSync(
      join(meta, "meta.json"),
      JSON.stringify({ Name: "remote", Endpoints: { docker: { Host: "tcp://h:1" } } }),
    );
    const empty = loadConfigFile(folder);
    const expected = { kind: "tcp", address: "tcp://h:1", hostname: "h", port: 1 };
    assert.deepEqual(chooseHost({ context: "remote" }, empty, { DOCKER_HOST: "unix:///d" }).host, expected);
    assert.deepEqual(chooseHost({}, empty, { DOCKER_CONTEXT: "remote" }).host, expected);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ currentContext: "remote" }));
    const config = loadConfigFile(folder);
    assert.deepEqual(chooseHost({}, config, {}).host, expected);
    assert.equal(chooseHost({}, config, { DOCKER_HOST: "unix:///d" }).host.address, "unix:///d");
    assert.equal(chooseHost({ context: "default" }, config, {}).isDefault, true);
    assert.throws(
      () => chooseHost({ context: "nosuch" }, config, {}),
      /context "nosuch": context not found: open .*meta\.json/,
    );
    assert.throws(
      () => chooseHost({ context: "remote", host: "unix:///f" }, config, {}),
      /cannot specify both --host and --context/,
    );
  });
});

test("host choice: TLS keys come from DOCKER_CERT_PATH, verification from DOCKER_TLS_VERIFY", () => {
  withConfig((folder) => {
    writeFileSync(join(folder, "ca.pem"), "CA");
    const env = { DOCKER_HOST: "tcp://h", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder };
    const chosen = chooseHost({}, loadConfigFile(folder), env);
    assert.deepEqual(chosen.tls, { verify: true, ca: Buffer.from("CA") });
    assert.equal(chosen.host.kind === "tcp" && chosen.host.port, 2376);
    assert.equal(chooseHost({ tls: true }, loadConfigFile(folder), { DOCKER_CERT_PATH: folder }).tls?.verify, false);
  });
});

test("config: --config before DOCKER_CONFIG before home", () => {
  assert.equal(configDirectory("/a", { DOCKER_CONFIG: "/b" }), "/a");
  assert.equal(configDirectory(undefined, { DOCKER_CONFIG: "/b" }), "/b");
  assert.match(configDirectory(undefined, {}), /\/\.docker$/);
});

test("config: a file that is not JSON is named", () => {
  withConfig((folder) => {
    writeFileSync(join(folder, "config.json"), "{");
    assert.throws(() => loadConfigFile(folder), new RegExp(`^EngineError: ${folder}/config.json: `));
  });
});
