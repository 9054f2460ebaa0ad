/** What strains a daemon: many execs, floods that nobody reads, its own death. Through the real docker command. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { takeCensus } from "./support/census.ts";
import type { Census } from "./support/census.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const FLOOD = [
  "sh",
  "-c",
  "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done",
];
const NONE = ["--network", "none"];
/** `VARVE_STRESS=whole` for the numbers that docs tell. */
const [EXECS, CYCLES] = process.env["VARVE_STRESS"] === "whole" ? [1000, 200] : [80, 12];
const AT_ONCE = 4;
/** Connections that the daemon keeps open for a while, and the like. */
const SPARE = 4;
/** Of our own, so that containers of other daemons are not counted. */
const CGROUP_PARENT = `varve-stress-${process.pid}`;
const PLACED = ["--cgroup-parent", CGROUP_PARENT];
/** What a client that does not read may cost: its queue, the sockets, and what the collector has not taken yet. */
const BOUNDED_MEGABYTES = 120;

describe("strain", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.mustDocker(["import", "-c", 'CMD ["sleep", "1000"]', "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    const ids = (await daemon.mustDocker(["ps", "-aq"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await daemon.docker(["rm", "-f", ...ids]);
    await daemon[Symbol.asyncDispose]();
  });

  const start = async (name: string, ...command: readonly string[]): Promise<void> => {
    await daemon.mustDocker(["run", "-d", "--name", name, ...NONE, "box:1", ...command]);
  };
  const residentMegabytes = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]) / 1000;
  const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;

  /** Ended children that nobody took; living monitors are children, too. */
  const zombies = (): number =>
    readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter((pid) => pid !== "" && existsSync(`/proc/${pid}/stat`))
      .filter((pid) => readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")).length;

  /** A client that takes a connection over and reads nothing. */
  async function deafClient(path: string, body: object | undefined): Promise<Socket> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const socket = connect(daemon.socket);
    socket.on("error", () => undefined);
    const type = body === undefined ? "" : "Content-Type: application/json\r\n";
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${type}Content-Length: ${text.length}\r\n\r\n${text}`,
    );
    await once(socket, "readable");
    return socket;
  }

  async function execId(container: string, request: object): Promise<string> {
    const { body, status } = await daemon.api("POST", `/containers/${container}/exec`, request);
    assert.equal(status, 201, JSON.stringify(body));
    const id: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "Id") : undefined;
    assert.equal(typeof id, "string");
    return String(id);
  }

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (await holds()) return;
      await sleep(50);
    }
    assert.fail("it did not come about");
  }

  test("execs: 200 of them leave no descriptor, process or directory behind", async () => {
    await start("many");
    const one = async (): Promise<void> => {
      await daemon.mustDocker(["exec", "-d", "many", "true"]);
      const ran = await daemon.docker(["exec", "-i", "many", "sh", "-c", "cat; echo err >&2; exit 7"], { input: "in" });
      assert.deepEqual(ran, { code: 7, stdout: "in", stderr: "err\n" });
    };
    await one();
    const before = descriptors();
    for (let batch = 0; batch < 25; batch += 1) await Promise.all(Array.from({ length: 4 }, one));
    await until(() => descriptors() <= before + 4);
    // Made by the first exec that a runtime starts.
    const folder = join(daemon.execRoot, "execs");
    await until(() => !existsSync(folder) || readdirSync(folder).length === 0);
    await until(() => zombies() === 0);
  });

  /** Waits until what goes away in the background has gone. */
  async function settled(before: Census): Promise<Census> {
    let now = before;
    for (let attempt = 0; attempt < 200; attempt += 1) {
      now = await takeCensus(daemon, CGROUP_PARENT);
      const { descriptors, ...rest } = now;
      if (
        descriptors <= before.descriptors + SPARE &&
        isDeepStrictEqual({ ...rest, descriptors: before.descriptors }, before)
      )
        break;
      await sleep(100);
    }
    return now;
  }

  test(`${EXECS} execs and ${CYCLES} starts and stops leave the host as it was`, async (context) => {
    const [box = ""] = (await daemon.mustDocker(["run", "-d", ...PLACED, "-p", "127.0.0.1::80", "box:1"])).split("\n");
    await daemon.mustDocker([
      "create",
      "--name",
      "cycled",
      ...PLACED,
      "--init",
      "-p",
      "80",
      "-v",
      "/data",
      "--tmpfs",
      "/t",
      "box:1",
    ]);
    const exec = async (): Promise<void> => {
      const ran = await daemon.docker(["exec", "-i", box, "sh", "-c", "cat; exit 7"], { input: "in" });
      assert.deepEqual([ran.code, ran.stdout], [7, "in"]);
    };
    const cycle = async (): Promise<void> => {
      await daemon.mustDocker(["start", "cycled"]);
      await daemon.mustDocker(["stop", "-t", "0", "cycled"]);
    };
    await exec();
    await cycle();
    const before = await takeCensus(daemon, CGROUP_PARENT);
    const resident = residentMegabytes();
    const began = Date.now();
    for (let done = 0; done < EXECS; done += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, exec));
    const executed = Date.now();
    for (let done = 0; done < CYCLES; done += 1) await cycle();
    const ended = Date.now();
    const afterwards = await settled(before);
    const grown = residentMegabytes() - resident;
    context.diagnostic(JSON.stringify({ execMs: executed - began, cycleMs: ended - executed, resident, grown }));
    context.diagnostic(JSON.stringify({ before, afterwards }));
    const { descriptors, ...rest } = afterwards;
    assert.deepEqual({ ...rest, descriptors: before.descriptors }, before);
    assert.ok(descriptors <= before.descriptors + SPARE, `${descriptors} descriptors, ${before.descriptors} before`);
    assert.ok(grown < BOUNDED_MEGABYTES, `${grown} MB more`);
    await daemon.mustDocker(["rm", "-f", "-v", box, "cycled"]);
  });

  test("terminal flood that nobody reads: the daemon answers, its memory is bounded, rm -f works", async () => {
    await start("flooded");
    const before = residentMegabytes();
    const clients: Socket[] = [];
    for (const Tty of [true, false]) {
      const id = await execId("flooded", { Cmd: FLOOD, Tty, AttachStdout: true, AttachStderr: true });
      clients.push(await deafClient(`/exec/${id}/start`, { Tty }));
    }
    await sleep(2000);
    assert.equal((await daemon.api("GET", "/_ping")).status, 200);
    const grown = residentMegabytes() - before;
    assert.ok(grown < BOUNDED_MEGABYTES, `${grown} MB more`);
    await daemon.mustDocker(["rm", "-f", "flooded"], { timeoutMs: 20_000 });
    for (const client of clients) client.destroy();
  });

  test("terminal: a program that is not there leaves nothing that keeps the container from ending", async () => {
    await start("empty");
    const ran = await daemon.docker(["exec", "-t", "empty", "nope"]);
    assert.equal(ran.code, 126);
    await daemon.mustDocker(["rm", "-f", "empty"], { timeoutMs: 20_000 });
    await until(() => zombies() === 0);
  });

  test("log flood with an attached client that does not read: bounded memory, rm -f works", async () => {
    await daemon.mustDocker(["create", "--name", "chatty", ...NONE, "box:1", ...FLOOD]);
    const before = residentMegabytes();
    const client = await deafClient("/containers/chatty/attach?stream=1&stdout=1&stderr=1", undefined);
    await daemon.mustDocker(["start", "chatty"]);
    await sleep(2000);
    assert.equal((await daemon.api("GET", "/_ping")).status, 200);
    const grown = residentMegabytes() - before;
    assert.ok(grown < BOUNDED_MEGABYTES, `${grown} MB more`);
    await daemon.mustDocker(["rm", "-f", "chatty"], { timeoutMs: 20_000 });
    client.destroy();
  });

  test("kill -9 of the daemon: what was detached runs on, the container takes new execs afterwards", async () => {
    await start("survivor");
    const detached = "for i in 1 2 3 4 5 6 7 8; do echo $i >> /seen; sleep 0.3; done; echo end >> /seen";
    await daemon.mustDocker(["exec", "-d", "survivor", "sh", "-c", detached]);
    await daemon.mustDocker(["exec", "-d", "-t", "survivor", "sh", "-c", "sleep 2; tty > /terminal"]);
    const attached: ChildProcess = spawn("docker", ["exec", "survivor", "sleep", "100"], {
      env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}` },
      stdio: "ignore",
    });
    const ended = once(attached, "exit");
    await sleep(300);
    await daemon.kill();
    await ended;
    await daemon.start();
    const inside = (command: string): Promise<string> => daemon.mustDocker(["exec", "survivor", "sh", "-c", command]);
    await until(async () => (await inside("cat /seen")).endsWith("8\nend\n"));
    await until(async () => (await inside("cat /terminal 2>/dev/null || true")).startsWith("/dev/pts/"));
    await daemon.mustDocker(["rm", "-f", "survivor"]);
  });
});
