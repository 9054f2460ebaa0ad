/** cp, diff, export, commit, logs and attach through the real docker command. */
import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, rmSync, writeFileSync, mkdirSync, statSync } from "node:fs";
import { request } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

describe("files, logs and attach through docker", () => {
  let daemon: TestDaemon;
  let folder: string;
  const must = (...args: readonly string[]): Promise<string> => daemon.mustDocker(args);
  const make = (name: string, script: string, ...flags: readonly string[]): Promise<string> =>
    must("run", "--network", "none", "--name", name, ...flags, "box:1", "sh", "-c", script);

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-files-"));
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("cp: a tree out of a container that has ended, and another one in", async () => {
    await make("copied", "mkdir -p /d/sub; echo x >/d/sub/f");
    await must("cp", "copied:/d", folder);
    assert.equal(readFileSync(join(folder, "d/sub/f"), "utf8"), "x\n");
    mkdirSync(join(folder, "in"));
    writeFileSync(join(folder, "in/new"), "from the host", { mode: 0o640 });
    await must("cp", join(folder, "in"), "copied:/d/");
    await must("cp", "copied:/d/in/new", join(folder, "back"));
    assert.equal(readFileSync(join(folder, "back"), "utf8"), "from the host");
    assert.equal(statSync(join(folder, "back")).mode & 0o777, 0o640);
    const missing = await daemon.docker(["cp", "copied:/nope", folder]);
    assert.match(missing.stderr, /Could not find the file \/nope in container copied/);
    assert.equal(missing.code, 1);
  });

  test("cp: content of a volume, of a container that runs and of one that does not", async () => {
    await must("run", "-d", "--network", "none", "--name", "vol", "-v", "files:/data", "box:1", "sleep", "100");
    writeFileSync(join(folder, "v"), "in a volume");
    await must("cp", join(folder, "v"), "vol:/data/v");
    assert.equal(await must("exec", "vol", "cat", "/data/v"), "in a volume");
    await must("rm", "-f", "vol");
    await must("create", "--network", "none", "--name", "vol2", "-v", "files:/data:ro", "box:1", "true");
    await must("cp", "vol2:/data/v", join(folder, "v2"));
    assert.equal(readFileSync(join(folder, "v2"), "utf8"), "in a volume");
    const refused = await daemon.docker(["cp", join(folder, "v"), "vol2:/data/w"]);
    assert.match(refused.stderr, /mounted volume is marked read-only/);
  });

  test("diff, export: what the container changed, and all of it", async () => {
    await make("changed", "echo x >/new; rm /etc/group");
    assert.equal(await must("diff", "changed"), "C /etc\nD /etc/group\nA /new\n");
    await must("export", "-o", join(folder, "all.tar"), "changed");
    await daemon.mustDocker(["import", join(folder, "all.tar"), "again:1"]);
    assert.equal(await must("run", "--rm", "--network", "none", "again:1", "cat", "/new"), "x\n");
  });

  test("commit: the image runs, tells its history and its parent, and keeps what was deleted away", async () => {
    await make("base", "echo x >/new; rm -r /etc; mkdir /etc; echo y >/etc/own");
    await must("commit", "-a", "me", "-m", "why", "-c", 'CMD ["cat", "/new"]', "-c", "ENV A=b", "base", "made:1");
    assert.equal(await must("run", "--rm", "--network", "none", "made:1"), "x\n");
    assert.equal(
      await must("run", "--rm", "--network", "none", "made:1", "sh", "-c", "ls /etc/passwd || cat /etc/own"),
      "y\n",
    );
    const [image = {}] = JSON.parse(await must("inspect", "made:1")) as { Parent?: string; Author?: string }[];
    const [parent = {}] = JSON.parse(await must("inspect", "box:1")) as { Id?: string }[];
    assert.deepEqual([image.Parent, image.Author], [parent.Id, "me"]);
    assert.match(await must("history", "--format", "{{.CreatedBy}}|{{.Comment}}", "made:1"), /^sh -c echo x.*\|why\n/);
    await must("create", "--network", "none", "--name", "same", "box:1", "true");
    await must("commit", "same", "empty:1");
    const layers = async (name: string): Promise<string> => must("inspect", "-f", "{{.RootFS.Layers}}", name);
    assert.equal(await layers("empty:1"), await layers("box:1"));
  });

  test("logs: options, details, rotation with nothing lost in between", async () => {
    await make("told", "echo a", "--label", "k=v", "--log-opt", "labels=k");
    assert.equal(await must("logs", "--details", "told"), "k=v a\n");
    await make("turned", "seq 1 600000", "--log-opt", "max-size=400k", "--log-opt", "max-file=3");
    const lines = (await must("logs", "turned")).trim().split("\n").map(Number);
    assert.equal(lines.at(-1), 600000);
    assert.ok(lines.length < 600000, "old files are gone");
    assert.ok(
      // The first may be the end of a line whose beginning was turned out.
      lines.every((value, index) => index <= 1 || value === (lines[index - 1] ?? 0) + 1),
      "what is kept is whole",
    );
    assert.equal(await must("logs", "--tail", "2", "turned"), "599999\n600000\n");
    const unknown = await daemon.docker(["run", "--log-opt", "foo=1", "box:1", "true"]);
    assert.match(unknown.stderr, /unknown log opt 'foo' for json-file log driver/);
  });

  /** An attached client, its keys and what it sees. */
  function attach(name: string, query: string): Promise<{ socket: Socket; text: () => string }> {
    return new Promise((resolve, reject) => {
      const path = `/containers/${name}/attach?stream=1&stdin=1&stdout=1${query}`;
      const headers = { Connection: "Upgrade", Upgrade: "tcp" };
      const sent = request({ socketPath: daemon.socket, method: "POST", path, headers });
      sent.on("error", reject).on("upgrade", (_response, socket) => {
        let text = "";
        socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
        resolve({ socket, text: () => text });
      });
      sent.end();
    });
  }

  async function until(holds: () => boolean): Promise<void> {
    for (let attempt = 0; attempt < 400 && !holds(); attempt += 1) await sleep(25);
    assert.ok(holds(), "it did not come about");
  }

  test("attach: several clients, one leaves by its keys, the other goes on", async () => {
    await must("run", "-dit", "--network", "none", "--name", "shared", "box:1", "sh");
    const [one, two] = [await attach("shared", ""), await attach("shared", "&detachKeys=ctrl-a,x&logs=1")];
    one.socket.write("echo first\n");
    await until(() => two.text().includes("\nfirst"));
    one.socket.write("\x10");
    one.socket.write("\x11");
    await until(() => one.socket.readableEnded);
    two.socket.write("echo second\n");
    await until(() => two.text().includes("\nsecond"));
    assert.doesNotMatch(one.text(), /second/);
    two.socket.write("\x01x");
    await until(() => two.socket.readableEnded);
    assert.equal(await must("inspect", "-f", "{{.State.Status}}", "shared"), "running\n");
    await must("pause", "shared");
    const paused = await daemon.api("POST", "/containers/shared/attach?stream=1");
    assert.deepEqual(paused.body, { message: "container shared is paused, unpause the container before attach" });
    await must("rm", "-f", "shared");
  });

  test("attach/ws: a terminal over WebSocket frames", async () => {
    await must("run", "-dit", "--network", "none", "--name", "web", "box:1", "sh");
    const url = "/containers/web/attach/ws?stream=1&stdin=1&stdout=1";
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    let text = "";
    const socket = await new Promise<Socket>((resolve, reject) => {
      const sent = request({ socketPath: daemon.socket, path: url, headers });
      sent.on("error", reject).on("upgrade", (_response, upgraded) => resolve(upgraded));
      sent.end();
    });
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    // "echo ws" and a newline, masked with zeros.
    socket.write(Buffer.concat([Buffer.from([0x82, 0x88, 0, 0, 0, 0]), Buffer.from("echo ws\n")]));
    // Echoed by the terminal, and written by the shell.
    // A short frame has a head of two bytes, and a terminal's echo may come in several frames.
    await until(() => (text.replaceAll(/\u0082[^]/g, "").match(/ws\r\n/g) ?? []).length >= 2);
    socket.destroy();
    const plain = await daemon.api("GET", url);
    assert.deepEqual([plain.status, plain.body], [400, { message: "not websocket protocol" }]);
    await must("rm", "-f", "web");
  });
});
