/** The libraries that programs speak to Docker with, on our daemon: dockerode, testcontainers, docker-py. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clientsFolder, importBusybox, openClientEngine } from "./support/engine.ts";
import type { ClientEngine } from "./support/engine.ts";
import { run } from "./support/process.ts";
import { symlink } from "./support/rootfs.ts";

const IMAGE = "clientbox:1";
const FOLDER = join(import.meta.dirname, "clients");
const MORE_APPLETS = ["httpd", "wget", "nc", "awk", "nslookup", "sort", "cut", "tail", "tr", "xargs", "ps"];

describe("foreign libraries", () => {
  let engine: ClientEngine;
  const passes = async (file: string, args: readonly string[]): Promise<void> => {
    const env = { ...engine.env, IMAGE, CLIENTS: join(clientsFolder(), "package.json") };
    const ran = await run(file, args, { env, timeoutMs: 180_000 });
    assert.deepEqual({ code: ran.code, stderr: ran.code === 0 ? "" : ran.stderr }, { code: 0, stderr: "" }, ran.stdout);
  };

  before(async () => {
    engine = await openClientEngine();
    await importBusybox(
      engine,
      IMAGE,
      MORE_APPLETS.map((name) => symlink(`bin/${name}`, "busybox")),
    );
  });
  after(async () => {
    await engine.docker(["rmi", "-f", IMAGE]);
    await engine[Symbol.asyncDispose]();
  });

  test("dockerode: containers, exec, files, networks, volumes, events", () =>
    passes(process.execPath, [join(FOLDER, "dockerode.mjs")]));

  test("testcontainers: wait strategies, exec, copy, networks, without Ryuk", () =>
    passes(process.execPath, [join(FOLDER, "testcontainers.mjs")]));

  test("docker-py: containers, exec, files, networks, volumes, events", () =>
    passes("/usr/bin/python3", [join(FOLDER, "dockerPy.py")]));
});
