import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseFlags } from "../core/parseFlags.ts";
import { containerFlags } from "./containerFlags.ts";
import type { ContainerFlagValues } from "./containerFlags.ts";
import { createBody, streamsOf } from "./createBody.ts";

const FLAGS = containerFlags("running");

function bodyOf(line: readonly string[], proxies: Readonly<Record<string, string>> = {}): Record<string, unknown> {
  const { values, given, rest: args } = parseFlags(line, FLAGS, { interspersed: false });
  // The values come from parsing exactly these flags.
  const flags = values as unknown as ContainerFlagValues;
  return { ...createBody({ flags, given, args, proxies, consoleSize: [0, 0] }, streamsOf(flags)) };
}

const hostConfig = (...line: string[]): Record<string, unknown> =>
  bodyOf([...line, "img"])["HostConfig"] as Record<string, unknown>;

test("create body: process and streams", () => {
  const body = bodyOf(["--rm", "-it", "-w", "/w", "-u", "1:2", "-h", "box", "-l", "a=b", "-l", "c", "img", "sh", "-c"]);
  const { HostConfig: _host, NetworkingConfig: _network, ...config } = body;
  assert.deepEqual(config, {
    Hostname: "box",
    Domainname: "",
    User: "1:2",
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    Env: null,
    Cmd: ["sh", "-c"],
    Image: "img",
    Volumes: {},
    WorkingDir: "/w",
    Entrypoint: null,
    OnBuild: null,
    Labels: { a: "b", c: "" },
  });
});

test("create body: an empty entrypoint resets the image's, none leaves it", () => {
  assert.deepEqual(bodyOf(["--entrypoint", "", "img"])["Entrypoint"], [""]);
  assert.equal(bodyOf(["img"])["Entrypoint"], null);
});

test("create body: flags of the command are the command's", () => {
  assert.deepEqual(bodyOf(["img", "-t", "--rm"])["Cmd"], ["-t", "--rm"]);
});

test("create body: env files first, then -e; names without value take ours; proxies fill in", () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-env-"));
  process.env["VARVE_TEST_SET"] = "ours";
  try {
    writeFileSync(join(folder, "env"), "# no\n\n  A=file\nVARVE_TEST_SET\nVARVE_TEST_UNSET\n");
    const line = ["-e", "B=1", "-e", "VARVE_TEST_SET", "--env-file", join(folder, "env"), "img"];
    const proxies = { HTTP_PROXY: "http://p", B: "no" };
    assert.deepEqual(bodyOf(line, proxies)["Env"], [
      "A=file",
      "VARVE_TEST_SET=ours",
      "B=1",
      "VARVE_TEST_SET=ours",
      "HTTP_PROXY=http://p",
    ]);
  } finally {
    delete process.env["VARVE_TEST_SET"];
    rmSync(folder, { recursive: true });
  }
});

test("create body: limits", () => {
  const limits = hostConfig("-m", "1.5g", "--memory-swap", "-1", "--cpus", "1/4", "--ulimit", "nofile=1:2");
  assert.equal(limits["Memory"], 1_610_612_736);
  assert.equal(limits["MemorySwap"], -1);
  assert.equal(limits["NanoCpus"], 250_000_000);
  assert.deepEqual(limits["Ulimits"], [{ Name: "nofile", Hard: 2, Soft: 1 }]);
  assert.throws(() => hostConfig("--memory-swappiness", "101"), /Valid memory swappiness range is 0-100/);
});

test("create body: an alias of a flag fills the flag", () => {
  assert.equal(hostConfig("--net", "web")["NetworkMode"], "web");
  assert.deepEqual(hostConfig("--dns-opt", "a", "--dns-option", "b")["DnsOptions"], ["a", "b"]);
});

test("create body: capabilities are spelled out, once each, sorted", () => {
  assert.deepEqual(
    hostConfig("--cap-add", "sys_admin", "--cap-add", "CAP_NET_ADMIN", "--cap-add", "SYS_ADMIN")["CapAdd"],
    ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
  );
});

test("create body: unconfined system paths are the client's business", () => {
  const { SecurityOpt, MaskedPaths, ReadonlyPaths } = hostConfig("--security-opt", "systempaths=unconfined");
  assert.deepEqual([SecurityOpt, MaskedPaths, ReadonlyPaths], [[], [], []]);
});

test("create body: --rm beside a restart policy is refused", () => {
  assert.throws(() => hostConfig("--rm", "--restart", "always"), /cannot specify both --restart and --rm/);
});
