/** Terminals of execs that the daemon starts without a runtime, and processes that wait for their start. Needs root. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { collect, openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const STREAMS = { AttachStdout: true, AttachStderr: true } as const;
const TERMINAL = { Tty: true, AttachStdin: true, ...STREAMS } as const;
/** Who leads a session of its own was started by the daemon; below crun the leader is outside, and the number 0. */
const WAY = "read -r line < /proc/self/stat; set -- $line; test $1 = $6 && echo direct || echo runtime";

describe("terminals of execs", () => {
  let rooms: ContainerRooms;
  let box = "";

  before(async () => {
    rooms = await openContainerRooms();
    box = await start();
  });
  after(async () => {
    await rooms.containers.remove(box, { force: true, volumes: false });
    await rooms[Symbol.asyncDispose]();
  });

  async function start(HostConfig: object = {}): Promise<string> {
    const id = await rooms.make({ Cmd: ["sleep", "1000"], HostConfig } as never);
    await rooms.containers.start(id);
    return id;
  }

  async function terminal(command: string, request: object = {}, container = box) {
    const { Id } = await rooms.execs.create(container, { ...TERMINAL, Cmd: ["sh", "-c", command], ...request });
    const client = await rooms.execs.attach(Id, { tty: true, consoleSize: { rows: 33, columns: 77 } });
    return { id: Id, client };
  }

  async function output(command: string, request: object = {}, container = box): Promise<string> {
    const { client } = await terminal(command, request, container);
    const { stdout } = await collect(client);
    await client[Symbol.asyncDispose]();
    return stdout;
  }

  const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (await holds()) return;
      await sleep(25);
    }
    assert.fail("it did not come about");
  };

  test("terminal: made without a runtime; the container's own device, of its size, the session's for control", async () => {
    assert.equal(await output(WAY), "direct\r\n");
    assert.match(await output("busybox tty; busybox stty size; echo > /dev/tty"), /^\/dev\/pts\/\d+\r\n33 77\r\n\r\n$/);
    const ends = await output("for fd in 0 2; do busybox readlink /proc/self/fd/$fd; done");
    assert.equal(new Set(ends.trim().split("\r\n")).size, 1);
  });

  test("terminal: belongs to the user and to the group tty, as with Docker", async () => {
    assert.match(await output("stat -c '%u %g %a' $(busybox tty)", { User: "33:7" }), /^33 5 620\r\n$/);
  });

  test("terminal: nothing of the daemon's is open beside it", async () => {
    assert.match(await output("ls /proc/self/fd | busybox tr '\\n' ' '"), /^0 1 2 3 $/);
  });

  test("terminal: ^C interrupts, ^D ends the input", async () => {
    const { id, client } = await terminal("sleep 1000");
    const interrupted = collect(client);
    await until(async () => (await rooms.execs.inspect(id)).Pid > 0);
    await sleep(100);
    await client.write(Buffer.from("\x03"));
    assert.match((await interrupted).stdout, /\^C/);
    assert.equal((await rooms.execs.inspect(id)).ExitCode, 130);
    const reader = await terminal("cat");
    const read = collect(reader.client);
    await reader.client.write(Buffer.from("a\r\x04"));
    assert.equal((await read).stdout, "a\r\na\r\n");
  });

  test("terminal: what was written last is whole, however slowly it is read", async () => {
    const { id, client } = await terminal("seq 200000; exit 3");
    let bytes = 0;
    for await (const frame of client.output) {
      bytes += frame.bytes.byteLength;
      if (bytes % 7 === 0) await sleep(1);
    }
    assert.equal(
      bytes,
      Array.from({ length: 200_000 }, (_, index) => String(index + 1).length + 2).reduce((a, b) => a + b),
    );
    assert.equal((await rooms.execs.inspect(id)).ExitCode, 3);
  });

  test("terminal: a client that leaves leaves it running, as with Docker; what it writes then is dropped", async () => {
    const { id, client } = await terminal("trap 'exit 9' HUP; sleep 0.3; seq 100000; exit 4");
    await client[Symbol.asyncDispose]();
    await until(async () => (await rooms.execs.inspect(id)).ExitCode === 4);
  });

  test("hostile: what a container makes of /dev/pts hangs nobody and leads nowhere", async () => {
    const other = await start({ Privileged: true });
    const wreck = async (command: string): Promise<void> => {
      const { Id } = await rooms.execs.create(other, { ...STREAMS, Cmd: ["sh", "-c", command] });
      await collect(await rooms.execs.attach(Id, { tty: false }));
    };
    for (const command of [
      "busybox umount /dev/console; busybox umount /dev/pts; busybox mkfifo /dev/pts/ptmx",
      "rm /dev/pts/ptmx; busybox ln -s /proc/1/fd/0 /dev/pts/ptmx",
      "rm /dev/pts/ptmx; busybox mknod /dev/pts/ptmx c 5 2",
      "rm -r /dev/pts; busybox ln -s ../../../../../../dev/pts /dev/pts",
    ]) {
      await wreck(command);
      assert.doesNotMatch(await output(`${WAY}; busybox tty`, {}, other), /^direct/);
    }
    await rooms.containers.remove(other, { force: true, volumes: false });
  });

  test("detached: without a runtime, and nobody's output", async () => {
    const { Id } = await rooms.execs.create(box, {
      Cmd: ["sh", "-c", `{ ${WAY}; echo hi >&2; } > /dev/shm/way; exit 6`],
    });
    await rooms.execs.start(Id, { tty: false });
    await until(async () => (await rooms.execs.inspect(Id)).ExitCode === 6);
    assert.equal(await output("cat /dev/shm/way"), "direct\r\n");
  });

  test("created and never started: what waits is out of the container's sight, and does not wait for long", async () => {
    const other = await start();
    const init = await pidOf(other);
    const inCgroup = (): number => {
      const [, path = ""] = /^\d+:pids:(.*)$/m.exec(readFileSync(`/proc/${init}/cgroup`, "latin1")) ?? [];
      const file = path === "" ? unifiedProcs(init) : `/sys/fs/cgroup/pids${path}/cgroup.procs`;
      return readFileSync(file, "latin1").trim().split("\n").length;
    };
    const before = readdirSync("/proc/self/fd").length;
    await rooms.execs.create(other, { ...STREAMS, Cmd: ["true"] });
    const { Id } = await rooms.execs.create(other, { ...STREAMS, Cmd: ["sh", "-c", "echo /proc/[0-9]*"] });
    const { stdout } = await collect(await rooms.execs.attach(Id, { tty: false }));
    assert.equal(stdout.trim().split(" ").length, 2);
    await until(() => inCgroup() === 1);
    await until(() => readdirSync("/proc/self/fd").length <= before);
    await rooms.containers.remove(other, { force: true, volumes: false });
  });

  async function pidOf(id: string): Promise<number> {
    const { State } = (await rooms.containers.inspect(id)) as { readonly State: { readonly Pid: number } };
    return State.Pid;
  }

  function unifiedProcs(pid: number): string {
    const [, path = ""] = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "latin1")) ?? [];
    return `/sys/fs/cgroup${path}/cgroup.procs`;
  }
});
