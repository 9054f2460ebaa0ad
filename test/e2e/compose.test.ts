/** The real compose plugin on our daemon: a web, a database and a cache, as people write them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { importBusybox, openClientEngine } from "./support/engine.ts";
import type { ClientEngine } from "./support/engine.ts";
import { run } from "./support/process.ts";
import type { Ran } from "./support/process.ts";
import { symlink } from "./support/rootfs.ts";

const PROJECT = "shop";
/** Busybox plays every part: what is tested is the engine below compose, not databases. */
const COMPOSE = `
name: ${PROJECT}
services:
  web:
    image: composebox:1
    command: ["sh", "-c", "echo web is up; mkdir -p /www; echo home > /www/index.html; exec httpd -f -p 8080 -h /www"]
    depends_on:
      db: { condition: service_healthy }
      cache: { condition: service_started }
      migrate: { condition: service_completed_successfully }
    networks: [front, back]
    ports: ["127.0.0.1::8080"]
    environment: { DB_HOST: db }
    stop_grace_period: 1s
  db:
    image: composebox:1
    command: ["sh", "-c", "sleep 1; echo row > /data/table; echo db is up; exec httpd -f -p 5432 -h /data"]
    healthcheck: { test: ["CMD-SHELL", "test -s /data/table"], interval: 500ms, timeout: 2s, retries: 20 }
    volumes: ["data:/data"]
    networks: { back: { aliases: [database] } }
    stop_grace_period: 1s
  cache:
    image: composebox:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
    tmpfs: ["/cache:size=1m"]
    networks: [back]
    deploy: { resources: { limits: { memory: 32M } } }
  migrate:
    image: composebox:1
    command: ["sh", "-c", "wget -q -O /tmp/got http://database:5432/table && grep row /tmp/got"]
    depends_on: { db: { condition: service_healthy } }
    networks: [back]
  tool:
    image: composebox:1
    profiles: [tools]
    command: ["true"]
    networks: [front]
volumes: { data: {} }
networks:
  front: {}
  back: { internal: true }
`;

describe("docker compose", () => {
  let engine: ClientEngine;
  let folder: string;
  const compose = (...args: string[]): Promise<Ran> =>
    run("docker", ["compose", ...args], { cwd: folder, env: engine.env, timeoutMs: 120_000 });
  const must = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await compose(...args);
    assert.equal(code, 0, `compose ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };

  before(async () => {
    engine = await openClientEngine();
    folder = await mkdtemp(join(tmpdir(), "varve-compose-"));
    await writeFile(join(folder, "compose.yaml"), COMPOSE);
    const applets = ["httpd", "wget", "nslookup"].map((name) => symlink(`bin/${name}`, "busybox"));
    await importBusybox(engine, "composebox:1", applets);
  });
  after(async () => {
    await compose("--profile", "tools", "down", "-v", "-t", "1");
    await engine.docker(["rmi", "-f", "composebox:1"]);
    await engine[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("up: starts in the order of health and completion", async () => {
    await must("up", "-d", "--wait", "web", "cache", "db");
    const rows = (await must("ps", "-a", "--format", "json"))
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    const states = Object.fromEntries(
      rows.map((row) => [Reflect.get(Object(row), "Service"), Reflect.get(Object(row), "State")]),
    );
    assert.deepEqual(states, { web: "running", db: "running", cache: "running", migrate: "exited" });
    assert.match(await must("ps", "db"), /\(healthy\)/);
  });

  test("port: the published port answers", async () => {
    const address = (await must("port", "web", "8080")).trim();
    assert.equal(await (await fetch(`http://${address}/`)).text(), "home\n");
  });

  test("networks: names resolve in shared ones only", async () => {
    assert.equal(await must("exec", "-T", "web", "wget", "-q", "-O", "-", "http://db:5432/table"), "row\n");
    assert.equal(await must("exec", "-T", "cache", "wget", "-q", "-O", "-", "http://web:8080/"), "home\n");
    await must("--profile", "tools", "run", "--rm", "tool", "nslookup", "web");
    assert.notEqual((await compose("--profile", "tools", "run", "--rm", "tool", "nslookup", "db")).code, 0);
  });

  test("exec: exit code and environment", async () => {
    assert.equal(await must("exec", "-T", "web", "sh", "-c", "echo $DB_HOST"), "db\n");
    assert.equal((await compose("exec", "-T", "web", "sh", "-c", "exit 9")).code, 9);
  });

  test("scale: three caches share one name", async () => {
    await must("up", "-d", "--scale", "cache=3", "--no-recreate");
    const names = await must("exec", "-T", "web", "nslookup", "cache");
    const addresses = new Set(names.match(/Address.*?(\d+\.\d+\.\d+\.\d+)$/gm)?.filter((line) => !/127\.0/.test(line)));
    assert.equal(addresses.size, 3, names);
    assert.equal((await must("ps", "-q", "cache")).trim().split("\n").length, 3);
  });

  test("logs: of the past, and following", async () => {
    assert.match(await must("logs", "--no-color", "web"), /web-1\s+\| web is up/);
    const following = spawn("docker", ["compose", "logs", "-f", "--no-color", "--tail", "0", "web"], {
      cwd: folder,
      env: { ...process.env, ...engine.env },
    });
    let text = "";
    following.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await sleep(1000);
    await must("exec", "-T", "web", "sh", "-c", "echo from exec > /proc/1/fd/1");
    for (let attempt = 0; attempt < 100 && !text.includes("from exec"); attempt += 1) await sleep(50);
    const gone = once(following, "exit");
    following.kill("SIGINT");
    await gone;
    assert.match(text, /web-1\s+\| from exec/);
  });

  test("restart and recreate: a changed service is made anew, its volume stays", async () => {
    await must("restart", "-t", "1", "cache");
    await writeFile(join(folder, "compose.yaml"), COMPOSE.replace("DB_HOST: db", "DB_HOST: database"));
    await must("up", "-d", "--wait", "web");
    assert.equal(await must("exec", "-T", "web", "sh", "-c", "echo $DB_HOST"), "database\n");
    assert.equal(await must("exec", "-T", "web", "wget", "-q", "-O", "-", "http://database:5432/table"), "row\n");
  });

  test("pause, top, images, config, events: the other commands", async () => {
    await must("pause", "cache");
    await must("unpause", "cache");
    assert.match(await must("top", "web"), /httpd/);
    assert.match(await must("images"), /composebox/);
    assert.match(await must("config", "--services"), /migrate/);
    await must("cp", "web:/www/index.html", "copied.html");
    assert.equal(await readFile(join(folder, "copied.html"), "utf8"), "home\n");
  });

  test("down -v: nothing is left", async () => {
    await must("--profile", "tools", "down", "-v", "-t", "1");
    const filter = ["--filter", `label=com.docker.compose.project=${PROJECT}`];
    assert.equal(await engine.docker(["ps", "-aq", ...filter]), "");
    assert.equal(await engine.docker(["volume", "ls", "-q", ...filter]), "");
    assert.equal(await engine.docker(["network", "ls", "-q", ...filter]), "");
  });
});
