/** The daemon itself: start by the command, version negotiation, info, events, stop, and who may not have the data root. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow, ROOT, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must, run } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const VARVE = join(ROOT, "bin/varve");

describe("the daemon", () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test("ping: API version, OS type, for GET and HEAD", async () => {
    const { status, body, headers } = await daemon.api("GET", "/_ping");
    assert.deepEqual([status, body, headers["ostype"]], [200, "OK", "linux"]);
    assert.match(String(headers["api-version"]), /^1\.5\d$/);
    assert.equal((await daemon.api("HEAD", "/_ping")).status, 200);
  });

  test("versions: 1.24 to the newest are spoken, others refused in Docker's words", async () => {
    assert.equal((await daemon.api("GET", "/v1.24/version")).status, 200);
    const old = await daemon.api("GET", "/v1.23/version");
    assert.deepEqual(
      [old.status, old.body],
      [
        400,
        {
          message:
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
        },
      ],
    );
    const coming = await daemon.api("GET", "/v1.99/version");
    assert.equal(coming.status, 400);
    assert.match(
      JSON.stringify(coming.body),
      /client version 1.99 is too new. Maximum supported API version is 1\.5\d/,
    );
    assert.deepEqual((await daemon.api("GET", "/nothing")).body, { message: "page not found" });
  });

  test("negotiation: a client that is held to an old version works", async () => {
    for (const version of ["1.24", "1.30", "1.41", "1.45"]) {
      const ran = await daemon.docker(["images"], { env: { DOCKER_API_VERSION: version } });
      assert.equal(ran.code, 0, ran.stderr);
    }
  });

  test("info: storage driver and what it rests on, cgroups, runtimes, root", async () => {
    const info = JSON.parse(await daemon.mustDocker(["info", "--format", "{{json .}}"])) as Record<string, unknown>;
    assert.equal(info["DockerRootDir"], daemon.dataRoot);
    assert.match(String(info["Driver"]), /^(erofs|overlay2)$/);
    assert.ok((info["DriverStatus"] as string[][]).some(([name]) => name === "Backing Filesystem"));
    assert.match(String(info["CgroupVersion"]), /^[12]$/);
    assert.ok(Object.keys(info["Runtimes"] as object).length > 0);
    assert.equal(info["KernelVersion"], (await must("uname", ["-r"])).trim());
    assert.equal((await daemon.docker(["info"])).code, 0);
    assert.equal((await daemon.varve(["info"])).code, 0);
  });

  test("second daemon: refused with one line on the same data root", async () => {
    const second = await run(VARVE, [
      "daemon",
      "-H",
      `unix://${daemon.execRoot}/second.sock`,
      "--data-root",
      daemon.dataRoot,
      "--exec-root",
      join(daemon.execRoot, "second"),
    ]);
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      new RegExp(`data root ${daemon.dataRoot} is in use by another varve daemon \\(pid ${daemon.pid}\\)`),
    );
  });

  test("bad flags and files: one line, exit code 1", async () => {
    const file = join(daemon.execRoot, "bad.json");
    await writeFile(file, '{"no-such-key": true}');
    for (const [args, message] of [
      [["--nope"], /--nope/],
      [["-H", "ftp://x"], /invalid bind address/],
      [["--log-level", "loud"], /invalid logging level: loud/],
      [["--config-file", file], /the following directives don't match any configuration option: no-such-key/],
      [["--storage-driver", "btrfs"], /btrfs/],
    ] as const) {
      const ran = await run(VARVE, [
        "daemon",
        "--data-root",
        join(daemon.execRoot, "x"),
        "--exec-root",
        join(daemon.execRoot, "y"),
        ...args,
      ]);
      assert.equal(ran.code, 1, args.join(" "));
      assert.match(ran.stderr, message);
    }
  });

  test("events: images that come, change names and go are told, live and afterwards", async () => {
    const since = Math.floor(Date.now() / 1000) - 1;
    const watcher = spawn("docker", ["events", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"], {
      env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}` },
    });
    let live = "";
    watcher.stdout.on("data", (chunk: Buffer) => (live += chunk.toString()));
    await sleep(500);
    const rootfs = await busyboxRootfs();
    await daemon.mustDocker(["import", "-", "told:1"], { input: rootfs });
    await daemon.mustDocker(["tag", "told:1", "told:2"]);
    await daemon.mustDocker(["rmi", "told:1", "told:2"]);
    for (let attempt = 0; attempt < 100 && !live.includes("delete"); attempt += 1) await sleep(50);
    const gone = once(watcher, "exit");
    watcher.kill("SIGINT");
    await gone;
    for (const action of ["import", "tag", "untag", "delete"]) assert.match(live, new RegExp(`^image ${action} `, "m"));
    const past = await daemon.mustDocker([
      "events",
      "--since",
      String(since),
      "--until",
      String(Math.floor(Date.now() / 1000) + 1),
      "--filter",
      "event=tag",
      "--format",
      "{{.Action}} {{.Actor.Attributes.name}}",
    ]);
    assert.match(past, /tag told:2/);
    assert.doesNotMatch(past, /delete/);
  });

  test("SIGTERM: ends cleanly, unmounts, removes socket and pid file; the next start finds all images", async () => {
    await daemon.mustDocker(["import", "-", "kept:1"], { input: await busyboxRootfs() });
    await daemon.mustDocker(["inspect", "kept:1"]);
    await daemon.stop();
    assert.deepEqual(mountsBelow(daemon.dataRoot), []);
    assert.equal(existsSync(join(daemon.execRoot, "varve.pid")), false);
    const refused = await daemon.docker(["images"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Is the docker daemon running\?/);
    await daemon.start();
    assert.equal((await daemon.mustDocker(["images", "-q", "kept:1"])).trim().length, 12);
    assert.equal(statSync(daemon.socket).mode & 0o777, 0o660);
  });
});

test("the command starts the daemon by itself; two at once start one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "varve-auto-"));
  const env = {
    VARVE_DATA_ROOT: join(folder, "data"),
    VARVE_EXEC_ROOT: join(folder, "run"),
    HOME: folder,
    DOCKER_HOST: "",
    VARVE_HOST: "",
  };
  try {
    const both = await Promise.all(
      [1, 2, 3].map(() => run(VARVE, ["version", "--format", "{{.Server.Version}}"], { env })),
    );
    for (const ran of both) assert.equal(ran.code, 0, ran.stderr);
    const pid = Number(await readFile(join(folder, "run/varve.pid"), "utf8"));
    assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /daemon/);
    process.kill(pid, "SIGTERM");
    for (let attempt = 0; attempt < 200 && existsSync(`/proc/${pid}`); attempt += 1) await sleep(50);
    assert.equal(existsSync(`/proc/${pid}`), false);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
