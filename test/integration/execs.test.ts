/** Further processes in containers, through the real rooms: conmon, a runtime, mounts, cgroups. Needs root. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Attachment, ExecInspection } from "#containers";
import { collect, openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

interface ExecRun {
  readonly id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly seen: ExecInspection;
}

const STREAMS = { AttachStdout: true, AttachStderr: true } as const;
const REFUSED = "OCI runtime exec failed: exec failed: unable to start container process: ";

describe("execs", () => {
  let rooms: ContainerRooms;
  let box = "";

  before(async () => {
    rooms = await openContainerRooms();
    box = await startBox();
  });
  after(async () => {
    await rooms.containers.remove(box, { force: true, volumes: false });
    await rooms[Symbol.asyncDispose]();
  });

  async function startBox(request: object = {}): Promise<string> {
    const id = await rooms.make({ Cmd: ["sleep", "1000"], ...request });
    await rooms.containers.start(id);
    return id;
  }

  async function begin(
    request: object,
    container = box,
  ): Promise<{ readonly id: string; readonly client: Attachment }> {
    const { Id } = await rooms.execs.create(container, { ...STREAMS, ...request });
    return { id: Id, client: await rooms.execs.attach(Id, { tty: false }) };
  }

  async function run(command: readonly string[], request: object = {}, input?: string): Promise<ExecRun> {
    const { id, client } = await begin({ Cmd: command, AttachStdin: input !== undefined, ...request });
    const output = collect(client);
    if (input !== undefined) {
      await client.write(Buffer.from(input));
      client.closeStdin();
    }
    const text = await output;
    await client[Symbol.asyncDispose]();
    return { id, ...text, seen: await rooms.execs.inspect(id) };
  }

  async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (await holds()) return;
      await sleep(25);
    }
    assert.fail("it did not come about");
  }

  test("run: streams apart, exit code, what inspect says", async () => {
    const ran = await run(["sh", "-c", "echo out; echo err >&2; exit 3"], { User: "0", Env: ["A=1"] });
    assert.deepEqual([ran.stdout, ran.stderr], ["out\n", "err\n"]);
    const { Pid, ...seen } = ran.seen;
    assert.ok(Pid >= 0);
    assert.deepEqual(seen, {
      ID: ran.id,
      Running: false,
      ExitCode: 3,
      ProcessConfig: {
        tty: false,
        entrypoint: "sh",
        arguments: ["-c", "echo out; echo err >&2; exit 3"],
        privileged: false,
        user: "0",
      },
      OpenStdin: false,
      OpenStderr: true,
      OpenStdout: true,
      CanRemove: false,
      ContainerID: box,
      DetachKeys: "",
    });
  });

  test("run: input reaches the program and ends; output is whole", async () => {
    const input = "line\n".repeat(200_000);
    assert.equal((await run(["cat"], {}, input)).stdout, input);
    assert.equal((await run(["head", "-c", "5000000", "/dev/zero"])).stdout.length, 5_000_000);
  });

  test("run: environment of the container, then of the exec, HOME of the user", async () => {
    const ran = await run(["sh", "-c", "echo $FROM_IMAGE $B $HOME $TERM; pwd"], { Env: ["B=2"], WorkingDir: "/etc" });
    assert.equal(ran.stdout, "1 2 /root\n/etc\n");
  });

  test("run: the container's filter and capabilities; all capabilities when privileged", async () => {
    const show = ["grep", "-E", "^(Seccomp|CapEff):", "/proc/self/status"];
    assert.match((await run(show)).stdout, /CapEff:\t00000000a80425fb\nSeccomp:\t2\n/);
    assert.doesNotMatch((await run(show, { Privileged: true })).stdout, /a80425fb/);
  });

  test("run: standard streams can be opened again", async () => {
    const ran = await run(["sh", "-c", "echo again > /dev/stdout; echo too > /proc/self/fd/2"]);
    assert.deepEqual([ran.stdout, ran.stderr], ["again\n", "too\n"]);
  });

  for (const [command, request, message] of [
    [["nope"], {}, `${REFUSED}exec: "nope": executable file not found in $PATH: unknown`],
    [["/nope"], {}, `${REFUSED}exec: "/nope": stat /nope: no such file or directory: unknown`],
    [["/etc"], {}, `${REFUSED}exec: "/etc": is a directory: unknown: permission denied`],
    [["/etc/passwd"], {}, `${REFUSED}exec: "/etc/passwd": permission denied: unknown`],
    [[""], {}, `${REFUSED}exec: "": executable file not found in $PATH: unknown`],
    [
      ["true"],
      { WorkingDir: "/nope" },
      `${REFUSED}chdir to cwd ("/nope") set in config.json failed: no such file or directory: unknown`,
    ],
    [["true"], { WorkingDir: "a" }, "OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown"],
    [["true"], { User: "nosuch" }, "unable to find user nosuch: no matching entries in passwd file"],
  ] as const) {
    test(`run: ${JSON.stringify(command)} ${JSON.stringify(request)} is refused in Docker's words`, async () => {
      const ran = await run(command, request);
      assert.deepEqual([ran.stdout, ran.stderr, ran.seen.ExitCode], [`${message}\r\n`, "", 126]);
      const { Id } = await rooms.execs.create(box, { Cmd: command, ...request });
      await assert.rejects(rooms.execs.start(Id, { tty: false }), { message });
      const tty = await rooms.execs.create(box, { Cmd: command, ...request, ...STREAMS, Tty: true });
      assert.equal((await collect(await rooms.execs.attach(tty.Id, { tty: true }))).stdout, `${message}\r\n`);
    });
  }

  test("run: a second start is refused", async () => {
    const { id } = await run(["true"]);
    await assert.rejects(rooms.execs.start(id, { tty: false }), {
      message: `Error: Exec command ${id} has already run`,
    });
  });

  test("run: a child that keeps the streams does not keep the client", async () => {
    const ran = await run(["sh", "-c", "sleep 30 & echo hi"]);
    assert.deepEqual([ran.stdout, ran.seen.ExitCode], ["hi\n", 0]);
  });

  test("terminal: size, exit code, detach keys leave it running", async () => {
    const { Id } = await rooms.execs.create(box, { Cmd: ["cat"], Tty: true, AttachStdin: true, ...STREAMS });
    const client = await rooms.execs.attach(Id, { tty: true, consoleSize: { rows: 33, columns: 77 } });
    await client.write(Buffer.from("a\r"));
    let echo = "";
    for await (const { bytes } of client.output) {
      echo += Buffer.from(bytes).toString();
      if (echo !== "a\r\na\r\n") continue;
      await client.write(Buffer.from("b\x10"));
      await client.write(Buffer.from("\x11c"));
    }
    assert.match(echo, /^a\r\na\r\nb?$/);
    const seen = await rooms.execs.inspect(Id);
    assert.equal(seen.Running, true);
    assert.ok(rooms.events.some(({ action, attributes }) => action === "exec_detach" && attributes["execID"] === Id));
    process.kill(seen.Pid, "SIGTERM");
    await until(async () => (await rooms.execs.inspect(Id)).ExitCode === 143);
  });

  test("terminal: what the client asks for is the size, also afterwards", async () => {
    const { Id } = await rooms.execs.create(box, {
      Cmd: ["sh", "-c", "stty size; read x; stty size"],
      Tty: true,
      AttachStdin: true,
      ...STREAMS,
    });
    await assert.rejects(rooms.execs.resize(Id, { rows: 1, columns: 1 }), /timeout waiting for exec session ready/);
    const client = await rooms.execs.attach(Id, { tty: true, consoleSize: { rows: 33, columns: 77 } });
    const output = collect(client);
    await rooms.execs.resize(Id, { rows: 20, columns: 40 });
    await sleep(300);
    await client.write(Buffer.from("\r"));
    assert.match((await output).stdout, /20 40\r\n$/);
  });

  test("detached: runs on, its exit code is seen", async () => {
    const { Id } = await rooms.execs.create(box, { Cmd: ["sh", "-c", "sleep 0.2; exit 4"] });
    assert.ok((await rooms.containers.inspect(box))["ExecIDs"]);
    await rooms.execs.start(Id, { tty: false });
    const seen = await rooms.execs.inspect(Id);
    assert.equal(seen.Running, true);
    assert.ok(seen.Pid > 0);
    await until(async () => (await rooms.execs.inspect(Id)).ExitCode === 4);
    await until(async () => (await rooms.containers.inspect(box))["ExecIDs"] === null);
  });

  test("client: one that leaves or does not read harms nobody", async () => {
    const { id, client } = await begin({ Cmd: ["sh", "-c", "head -c 20000000 /dev/zero; exit 5"] });
    for await (const _ of client.output) break;
    const seen = await rooms.execs.inspect(id);
    assert.equal(seen.Running, true);
    await client[Symbol.asyncDispose]();
    await until(async () => (await rooms.execs.inspect(id)).ExitCode === 5);
  });

  test("events: created, started, died", async () => {
    rooms.events.length = 0;
    const { id } = await run(["sh", "-c", "exit 2"]);
    assert.deepEqual(
      rooms.events.map(({ action, attributes }) => [action, attributes["execID"] === id, attributes["exitCode"]]),
      [
        ["exec_create: sh -c exit 2", true, undefined],
        ["exec_start: sh -c exit 2", true, undefined],
        ["exec_die", true, "2"],
      ],
    );
  });

  test("hostile: account files that are a fifo or lead outside name nobody, and nothing hangs", async () => {
    const other = await startBox();
    const inside = async (script: string): Promise<void> => {
      const { client } = await begin({ Cmd: ["sh", "-c", script], User: "0" }, other);
      await collect(client);
    };
    await inside("rm /etc/passwd; mkfifo /etc/passwd");
    const { client } = await begin({ Cmd: ["true"], User: "daemon" }, other);
    assert.match((await collect(client)).stdout, /unable to find user daemon/);
    await inside("rm /etc/passwd; ln -s /proc/1/root/etc/shadow /etc/passwd");
    const again = await begin({ Cmd: ["sh", "-c", "echo $HOME"] }, other);
    assert.equal((await collect(again.client)).stdout, "/\n");
    await rooms.containers.remove(other, { force: true, volumes: false });
  });

  test("hostile: no working directory leads out of the container", async () => {
    for (let fd = 3; fd < 24; fd += 1) {
      const ran = await run(["sh", "-c", "ls -d ../../../../../../bin/sh; pwd -P"], {
        WorkingDir: `/proc/self/fd/${fd}`,
      });
      assert.equal(ran.seen.ExitCode, 126, ran.stdout);
    }
  });

  test("refused: no command, unknown keys, a container that does not run or is paused", async () => {
    await assert.rejects(rooms.execs.create(box, {}), { message: "No exec command specified" });
    await assert.rejects(rooms.execs.create(box, { Cmd: ["true"], DetachKeys: "zz" }), /Invalid escape keys \(zz\)/);
    await assert.rejects(rooms.execs.inspect("nosuch"), { message: "No such exec instance: nosuch" });
    const still = await rooms.make({ Cmd: ["true"] });
    await assert.rejects(rooms.execs.create(still, { Cmd: ["true"] }), {
      message: `container ${still} is not running`,
    });
    await rooms.containers.remove(still, { force: true, volumes: false });
  });

  test("end of the container: its execs are killed, those that never ran are gone", async () => {
    const other = await startBox();
    const waiting = await rooms.execs.create(other, { Cmd: ["true"] });
    const { id, client } = await begin({ Cmd: ["sleep", "1000"] }, other);
    const output = collect(client);
    await until(async () => (await rooms.execs.inspect(id)).Pid > 0);
    await rooms.control.kill(other, "KILL");
    await output;
    assert.equal((await rooms.execs.inspect(id)).ExitCode, 137);
    await until(async () => (await rooms.containers.inspect(other))["ExecIDs"] === null);
    await assert.rejects(rooms.execs.inspect(waiting.Id), /No such exec instance/);
    await rooms.containers.remove(other, { force: true, volumes: false });
    await assert.rejects(rooms.execs.inspect(id), /No such exec instance/);
  });

  test("nothing is left of what ended: directories, descriptors, processes", async () => {
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const inBatches = async (batches: number): Promise<void> => {
      for (let batch = 0; batch < batches; batch += 1)
        await Promise.all(Array.from({ length: 8 }, () => run(["sh", "-c", "echo x; echo y >&2"], {}, "in")));
    };
    await inBatches(2);
    const before = descriptors();
    await inBatches(23);
    assert.ok(descriptors() <= before + 4, `${before} descriptors became ${descriptors()}`);
    const folder = join(rooms.execRoot, "execs");
    await until(() => !existsSync(folder) || readdirSync(folder).length <= 1);
  });
});
