/** Containers through the real rooms: conmon, a runtime, mounts, cgroups. Needs root. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { collect, openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const STREAMS = { stdin: false, stdout: true, stderr: true, logs: false, stream: true } as const;

async function logText(rooms: ContainerRooms, id: string, options: object = {}): Promise<string> {
  let text = "";
  const chunks = rooms.containers.logs(id, { stdout: true, stderr: true, follow: false, ...options });
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    // Frames: a byte that names the stream, three zeros, the length.
    for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
      text += bytes.toString("utf8", at + 8, at + 8 + bytes.readUInt32BE(at + 4));
  }
  return text;
}

/** Polls a condition that another process brings about. */
async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (holds()) return;
    await sleep(25);
  }
  assert.fail("it did not come about");
}

describe("containers", () => {
  let rooms: ContainerRooms;
  before(async () => {
    rooms = await openContainerRooms();
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
  });

  test("run: streams apart, exit code, image's environment under the request's", async () => {
    const ran = await rooms.run({ Cmd: ["sh", "-c", "echo $A$FROM_IMAGE; echo err >&2; exit 3"], Env: ["A=x"] });
    assert.deepEqual(
      { code: ran.code, stdout: ran.stdout, stderr: ran.stderr },
      { code: 3, stdout: "x1\n", stderr: "err\n" },
    );
  });

  test("run: stdin reaches the program and ends", async () => {
    const input = "line\n".repeat(40_000);
    const ran = await rooms.run({ Cmd: ["cat"] }, input);
    assert.equal(ran.stdout, input);
  });

  test("run: output is whole when a client attached before start", async () => {
    const ran = await rooms.run({ Cmd: ["sh", "-c", "head -c 3000000 /dev/zero"] });
    assert.equal(ran.stdout.length, 3_000_000);
  });

  test("logs: bytes come back as written, tail and follow", async () => {
    const { id } = await rooms.run({ Cmd: ["sh", "-c", "seq 1 500; printf 'a\\000b'"] });
    const lines = Array.from({ length: 500 }, (_, index) => `${index + 1}\n`).join("");
    assert.equal(await logText(rooms, id), `${lines}a\0b`);
    assert.equal(await logText(rooms, id, { tail: 2 }), "500\na\0b");
    assert.equal(await logText(rooms, id, { tail: 0 }), "");
    const running = await rooms.make({ Cmd: ["sh", "-c", "echo one; sleep 0.3; echo two"] });
    await rooms.containers.start(running);
    assert.equal(await logText(rooms, running, { follow: true }), "one\ntwo\n");
  });

  test("tty: size, one stream, carriage returns", async () => {
    const id = await rooms.make({ Tty: true, OpenStdin: true, Cmd: ["sh", "-c", "read x; stty size; echo $TERM"] });
    await using attachment = await rooms.containers.attach(id, { ...STREAMS, stdin: true });
    const output = collect(attachment);
    await rooms.containers.start(id);
    await rooms.containers.resize(id, 33, 77);
    await attachment.write(Buffer.from("go\n"));
    await rooms.containers.wait(id, "not-running");
    const { stdout } = await output;
    assert.match(stdout, /xterm\r\n$/);
  });

  test("start: what cannot be executed leaves the container created, with Docker's code and words", async () => {
    for (const [program, code, words] of [
      ["/nope", 127, 'exec: "/nope": stat /nope: no such file or directory: unknown'],
      ["nope", 127, 'exec: "nope": executable file not found in $PATH: unknown'],
      ["/etc/passwd", 126, 'exec: "/etc/passwd": permission denied: unknown'],
      ["/etc", 126, 'exec: "/etc": is a directory: unknown: permission denied'],
    ] as const) {
      const id = await rooms.make({ Cmd: [program] });
      await assert.rejects(rooms.containers.start(id), (error: Error) => error.message.endsWith(words));
      const { State } = (await rooms.containers.inspect(id)) as { State: Record<string, unknown> };
      assert.deepEqual([State["Status"], State["ExitCode"]], ["created", code], program);
    }
  });

  test("user: by name with its groups; an unknown one is refused", async () => {
    const named = await rooms.run({ User: "web", Cmd: ["id"] });
    assert.equal(named.stdout, "uid=33(web) gid=33(web) groups=33(web),44(extra)\n");
    await assert.rejects(rooms.run({ User: "nosuch", Cmd: ["id"] }), {
      message: "unable to find user nosuch: no matching entries in passwd file",
    });
  });

  test("isolation: own processes, network and mounts; default capabilities; seccomp", async () => {
    const script =
      "echo $$; ls /sys/class/net; grep -E 'Seccomp:|CapEff' /proc/self/status; cat /proc/kcore | wc -c; pwd; hostname; cat /etc/hostname";
    const { id, stdout } = await rooms.run({ WorkingDir: "/made/here", Cmd: ["sh", "-c", script] });
    const short = id.slice(0, 12);
    assert.deepEqual(stdout.trim().split("\n"), [
      "1",
      "lo",
      "CapEff:\t00000000a80425fb",
      "Seccomp:\t2",
      "0",
      "/made/here",
      short,
      short,
    ]);
  });

  test("privileged and read-only: as asked", async () => {
    const privileged = await rooms.run({
      Cmd: ["sh", "-c", "grep -E 'Seccomp:' /proc/self/status; test -e /dev/null && echo dev"],
      HostConfig: { Privileged: true },
    });
    assert.equal(privileged.stdout, "Seccomp:\t0\ndev\n");
    const readOnly = await rooms.run({
      Cmd: ["sh", "-c", "touch /x 2>/dev/null || echo refused; touch /scratch/x && echo taken"],
      HostConfig: { ReadonlyRootfs: true, Tmpfs: { "/scratch": "size=1m" } },
    });
    assert.equal(readOnly.stdout, "refused\ntaken\n");
  });

  test("runtime: runc does the same when asked for", async () => {
    const HostConfig = { Runtime: "runc" };
    const script = "echo $$; grep -E 'Seccomp:|CapEff' /proc/self/status; ls /sys/class/net; cat; exit 7";
    const ran = await rooms.run({ Cmd: ["sh", "-c", script], WorkingDir: "/made/there", HostConfig }, "input\n");
    assert.equal(ran.code, 7);
    assert.equal(ran.stdout, "1\nCapEff:\t00000000a80425fb\nSeccomp:\t2\nlo\ninput\n");
    for (const [program, words] of [
      ["/nope", 'exec: "/nope": stat /nope: no such file or directory: unknown'],
      ["nope", 'exec: "nope": executable file not found in $PATH: unknown'],
      ["/etc/passwd", 'exec: "/etc/passwd": permission denied: unknown'],
    ] as const) {
      const id = await rooms.make({ Cmd: [program], HostConfig });
      await assert.rejects(rooms.containers.start(id), (error: Error) => error.message.endsWith(words));
    }
  });

  test("stop and kill: the signal, then SIGKILL; wrong states are named", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"] }, "sleeper");
    await assert.rejects(rooms.control.kill("sleeper", "TERM"), {
      message: `cannot kill container: sleeper: container ${id} is not running`,
    });
    await rooms.containers.start(id);
    await assert.rejects(rooms.control.kill("nobody", "TERM"), {
      message: "cannot kill container: nobody: No such container: nobody",
      category: "not_found",
    });
    await assert.rejects(rooms.control.kill("sleeper", "FOO"), {
      message: "cannot kill container: sleeper: invalid signal: FOO",
    });
    await assert.rejects(rooms.containers.remove("sleeper", { force: false, volumes: false }), {
      message:
        'cannot remove container "/sleeper": container is running: stop the container before removing or force remove',
    });
    await assert.rejects(rooms.make({ Cmd: ["true"] }, "sleeper"), {
      message: `Conflict. The container name "/sleeper" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    });
    await rooms.control.stop(id, { timeoutSeconds: 0 });
    assert.deepEqual(await rooms.containers.wait(id, "not-running"), { StatusCode: 137 });
    await rooms.containers.remove(id, { force: false, volumes: false });
    await assert.rejects(rooms.containers.inspect("sleeper"), { message: "No such container: sleeper" });
  });

  test("memory: a kill by the kernel shows as OOMKilled", async () => {
    const { id, code } = await rooms.run({
      Cmd: ["dd", "if=/dev/zero", "of=/dev/null", "bs=104857600", "count=1"],
      HostConfig: { Memory: 16 << 20 },
    });
    assert.equal(code, 137);
    const { State } = (await rooms.containers.inspect(id)) as { State: Record<string, unknown> };
    assert.equal(State["OOMKilled"], true);
    assert.ok(rooms.events.some(({ action }) => action === "oom"));
  });

  test("restart of a container: a second run with its own streams and the same top", async () => {
    const id = await rooms.make({ Cmd: ["sh", "-c", "cat /kept 2>/dev/null; echo again > /kept; echo run"] });
    for (const expected of ["run\n", "again\nrun\n"]) {
      await using attachment = await rooms.containers.attach(id, STREAMS);
      const output = collect(attachment);
      const ended = rooms.containers.wait(id, "next-exit");
      await rooms.containers.start(id);
      await ended;
      assert.equal((await output).stdout, expected);
    }
    assert.equal(await logText(rooms, id), "run\nagain\nrun\n");
  });

  test("removal: waiters are answered when nothing is left", async () => {
    const id = await rooms.make({ Cmd: ["true"], HostConfig: { AutoRemove: true } });
    const removed = rooms.containers.wait(id, "removed");
    await rooms.containers.start(id);
    assert.deepEqual(await removed, { StatusCode: 0 });
    assert.deepEqual(
      mountsBelow(rooms.dataRoot).filter((target) => target.endsWith("/merged")),
      [],
    );
    assert.equal(existsSync(`${rooms.execRoot}/containers/${id}`), false);
    assert.equal(existsSync(`${rooms.dataRoot}/containers/${id}`), false);
    for (const controller of [".", ...readdirSync("/sys/fs/cgroup")])
      assert.equal(existsSync(`/sys/fs/cgroup/${controller}/varve/${id}`), false);
  });

  test("events: create, attach, start, die and destroy with Docker's attributes", async () => {
    rooms.events.length = 0;
    const id = await rooms.make({ Cmd: ["sh", "-c", "exit 4"], Labels: { mine: "1" } }, "watched");
    await using _attachment = await rooms.containers.attach(id, STREAMS);
    const ended = rooms.containers.wait(id, "next-exit");
    await rooms.containers.start(id);
    await ended;
    await rooms.containers.remove(id, { force: false, volumes: false });
    const common = { image: "box", name: "watched", mine: "1", of: "image" };
    assert.deepEqual(rooms.events, [
      { action: "create", attributes: common },
      { action: "attach", attributes: common },
      { action: "start", attributes: common },
      { action: "die", attributes: { ...common, execDuration: "0", exitCode: "4" } },
      { action: "destroy", attributes: common },
    ]);
  });

  test("network of a container that is not there: made, but not started", async () => {
    const id = await rooms.make({ Cmd: ["true"], HostConfig: { NetworkMode: "container:x" } });
    await assert.rejects(rooms.containers.start(id), { message: /No such container: x$/ });
  });

  test("creation during sweeps: no container loses its top", async () => {
    for (let round = 0; round < 10; round += 1) {
      // Sweeps are at different points while each is made.
      const sweeps = Array.from({ length: 4 }, () => rooms.collect());
      const ids = await Promise.all(Array.from({ length: 4 }, () => rooms.make({ Cmd: ["true"] })));
      await Promise.all(sweeps);
      for (const id of ids) {
        await rooms.containers.start(id);
        await rooms.containers.remove(id, { force: true, volumes: false });
      }
    }
  });

  test("list: rows, filters and sizes", async () => {
    const id = await rooms.make({ Cmd: ["sh", "-c", "exit 9"], Labels: { listed: "yes" } }, "listed");
    await rooms.containers.start(id);
    await rooms.containers.wait(id, "not-running");
    const [row, ...others] = await rooms.containers.list({
      all: true,
      size: true,
      filters: new Map([["exited", ["9"]]]),
    });
    assert.equal(others.length, 0);
    assert.deepEqual([row?.["Names"], row?.["State"], row?.["Command"]], [["/listed"], "exited", "sh -c 'exit 9'"]);
    assert.match(String(row?.["Status"]), /^Exited \(9\) .* ago$/);
    assert.ok(Number(row?.["SizeRootFs"]) > 500_000);
    assert.deepEqual(await rooms.containers.list({ all: true, filters: new Map([["label", ["listed=no"]]]) }), []);
    await assert.rejects(rooms.containers.list({ all: true, filters: new Map([["foo", ["x"]]]) }), {
      message: "invalid filter 'foo'",
    });
  });
});

describe("containers without a daemon", () => {
  let rooms: ContainerRooms;
  before(async () => {
    rooms = await openContainerRooms();
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
  });

  test("survival: a container runs on, is attached to again, and its exit is told", async () => {
    const id = await rooms.make({ Cmd: ["sh", "-c", "echo before; read x; echo got $x; exit 5"], OpenStdin: true });
    await rooms.containers.start(id);
    await rooms.restart();
    const { State } = (await rooms.containers.inspect(id)) as { State: Record<string, unknown> };
    assert.equal(State["Status"], "running");
    await using attachment = await rooms.containers.attach(id, { ...STREAMS, stdin: true });
    const output = collect(attachment);
    const ended = rooms.containers.wait(id, "not-running");
    await attachment.write(Buffer.from("more\n"));
    assert.deepEqual(await ended, { StatusCode: 5 });
    assert.equal((await output).stdout, "got more\n");
    assert.equal(await logText(rooms, id), "before\ngot more\n");
  });

  test("survival: an exit while nobody watched is known afterwards, --rm is done", async () => {
    const id = await rooms.make({ Cmd: ["sh", "-c", "sleep 0.2; exit 6"] });
    const temporary = await rooms.make({ Cmd: ["sh", "-c", "sleep 0.2"], HostConfig: { AutoRemove: true } });
    await rooms.containers.start(id);
    await rooms.containers.start(temporary);
    await rooms.containers.close();
    await until(
      () => existsSync(`${rooms.execRoot}/exits/${id}`) && existsSync(`${rooms.execRoot}/exits/${temporary}`),
    );
    await rooms.restart();
    assert.deepEqual(await rooms.containers.wait(id, "not-running"), { StatusCode: 6 });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const rows = await rooms.containers.list({ all: true, filters: new Map([["id", [temporary]]]) });
      if (rows.length === 0) return;
      await sleep(25);
    }
    assert.fail("the container was not removed");
  });

  test("survival: a container whose monitor was killed ends as killed", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"] });
    await rooms.containers.start(id);
    const ended = rooms.containers.wait(id, "not-running");
    process.kill(Number(readFileSync(`${rooms.execRoot}/containers/${id}/conmon.pid`, "utf8")), "SIGKILL");
    assert.deepEqual(await ended, { StatusCode: 137 });
  });
});
