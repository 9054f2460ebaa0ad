/** Execs that the daemon starts without a runtime: equal to the container's own process, and a way into nothing else. Needs root. */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { file } from "../e2e/support/rootfs.ts";
import { collect, openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const STREAMS = { AttachStdout: true, AttachStderr: true } as const;
/** Who leads a session of its own was started by the daemon; below crun the leader is outside, and the number 0. */
const WAY = "read -r line < /proc/self/stat; set -- $line; test $1 = $6 && echo direct || echo runtime";

describe("execs without a runtime", () => {
  let rooms: ContainerRooms;
  const boxes: string[] = [];

  before(async () => {
    rooms = await openContainerRooms([
      file("opt/itself", "#!/proc/self/exe\n", 0o755),
      file("opt/nothing", "#!/nonexistent\n", 0o755),
      file("opt/deep/tool", "#!/bin/sh\necho tool $0\n", 0o755),
      file("opt/plain/tool", "no program"),
    ]);
  });
  after(async () => {
    for (const box of boxes) await rooms.containers.remove(box, { force: true, volumes: false });
    await rooms[Symbol.asyncDispose]();
  });

  async function start(HostConfig: object = {}, request: object = {}): Promise<string> {
    const id = await rooms.make({ Cmd: ["sleep", "1000"], ...request, HostConfig } as never);
    boxes.push(id);
    await rooms.containers.start(id);
    return id;
  }

  async function exec(box: string, command: string | readonly string[], request: object = {}) {
    const Cmd = typeof command === "string" ? ["sh", "-c", command] : command;
    const { Id } = await rooms.execs.create(box, { ...STREAMS, Cmd, ...request });
    const client = await rooms.execs.attach(Id, { tty: false });
    const { stdout, stderr } = await collect(client);
    await client[Symbol.asyncDispose]();
    return { stdout, stderr, code: (await rooms.execs.inspect(Id)).ExitCode };
  }

  const output = async (box: string, command: string, request: object = {}): Promise<string> => {
    const { stdout, stderr } = await exec(box, command, request);
    assert.equal(stderr, "");
    return stdout;
  };

  /** What two processes of a container have in common, whoever started them. */
  const FACTS = (process: string): string =>
    `cd /proc/${process}; grep -E '^(Cap|Seccomp|NoNewPrivs|Groups|Uid|Gid|Umask)' status; cat cgroup limits oom_score_adj;
     for space in mnt pid net ipc uts cgroup user; do readlink ns/$space; done; readlink root`;

  for (const [what, host, request] of [
    ["a default one", {}, {}],
    ["one without capabilities, with no_new_privs", { CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] }, {}],
    ["a privileged one", { Privileged: true }, {}],
    ["one without a filter", { SecurityOpt: ["seccomp=unconfined"] }, {}],
    ["one with limits", { Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }], OomScoreAdj: 100 }, {}],
    ["a user's with groups", { GroupAdd: ["7"] }, { User: "web" }],
    [
      "one with the host's namespaces",
      { PidMode: "host", IpcMode: "host", UTSMode: "host", CgroupnsMode: "private" },
      {},
    ],
  ] as const) {
    test(`attributes: those of the container's own process, in ${what}`, async () => {
      const Cmd = ["sh", "-c", `(${FACTS("self")}) > /dev/shm/own; exec sleep 1000`];
      const box = await start(host, { Cmd, ...request });
      assert.equal(await output(box, WAY), "direct\n");
      let own = "";
      for (let tries = 0; !own.endsWith("/\n") && tries < 200; tries += 1)
        own = await output(box, `cat /dev/shm/own 2>/dev/null || true`);
      assert.equal(await output(box, FACTS("self")), own);
    });
  }

  test("streams: three of them and nothing else; the host's /dev/null keeps its owner", async () => {
    const box = await start();
    assert.match(await output(box, "ls /proc/self/fd | tr '\\n' ' '"), /^0 1 2 3 $/);
    const owner = statSync("/dev/null").uid;
    assert.match(await output(box, "stat -c %u /proc/self/fd/1 -L; id -u", { User: "web" }), /^33\n33\n$/);
    assert.equal(statSync("/dev/null").uid, owner);
  });

  test("privileged: all capabilities in a plain container, the filter stays", async () => {
    const box = await start();
    const every = /^CapBnd:\t(.*)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "";
    const seen = await output(box, "grep -E '^(CapEff|Seccomp):' /proc/self/status", { Privileged: true });
    assert.equal(seen, `CapEff:\t${every}\nSeccomp:\t2\n`);
  });

  test("program: found as a shell finds it, by the container's PATH or that of the exec", async () => {
    const box = await start();
    const tool = (path: string): Promise<{ readonly stdout: string; readonly code: number | null }> =>
      exec(box, ["tool"], { Env: [`PATH=${path}`] });
    assert.equal((await tool("/nowhere:/etc/passwd:/opt/deep:/bin")).stdout, "tool /opt/deep/tool\n");
    assert.equal((await tool("/opt/plain:/opt/deep")).stdout, "tool /opt/deep/tool\n");
    assert.equal((await tool("/opt/plain")).code, 126);
    assert.equal((await exec(box, ["./tool"], { WorkingDir: "/opt/deep" })).stdout, "tool ./tool\n");
    assert.match(await output(box, WAY, { Env: ["PATH=bin:/bin"], WorkingDir: "/" }), /runtime/);
  });

  test("refused: what the kernel would not execute is told in Docker's words, and nothing ran", async () => {
    const box = await start();
    const REFUSED = "OCI runtime exec failed: exec failed: unable to start container process: ";
    const { stdout, code } = await exec(box, ["/opt/nothing"]);
    assert.equal(code, 126);
    assert.ok(stdout.startsWith(REFUSED), stdout);
  });

  test("unusual: a profile of the client's own, and what a runtime is told by annotations, are the runtime's affair", async () => {
    const profile = JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    });
    const own = await start({ SecurityOpt: [`seccomp=${profile}`] });
    assert.equal(await output(own, WAY), "runtime\n");
    assert.match((await exec(own, "mkdir /tmp/x")).stderr, /Operation not permitted/);
    const told = await start({ Annotations: { "run.oci.keep_original_groups": "0" } });
    assert.equal(await output(told, WAY), "runtime\n");
  });

  test("limit of processes: a full container takes none more", async () => {
    const box = await start({ PidsLimit: 2 });
    assert.equal((await exec(box, ["true"])).code, 0);
    const held = await rooms.execs.create(box, { ...STREAMS, Cmd: ["sleep", "1000"] });
    const client = await rooms.execs.attach(held.Id, { tty: false });
    for (let tries = 0; (await rooms.execs.inspect(held.Id)).Pid === 0 && tries < 400; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const shell = await exec(box, "sleep 0 & wait $!");
    assert.notEqual(shell.code, 0);
    process.kill((await rooms.execs.inspect(held.Id)).Pid, "SIGKILL");
    await collect(client);
    assert.equal((await rooms.execs.inspect(held.Id)).ExitCode, 137);
  });

  test("hostile: no program becomes the daemon's or the launcher's own file", async () => {
    const box = await start();
    for (const command of [["/proc/self/exe"], ["/opt/itself"]]) {
      const { stdout, code } = await exec(box, command);
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout, /node|Usage/);
    }
  });

  test("hostile: who watches every process of the container, ptrace allowed, sees no file or directory of the host", async () => {
    const box = await start({ CapAdd: ["SYS_PTRACE"] });
    const WATCH = `while test -e /dev/shm/on; do
      for p in /proc/[0-9]*; do
        for l in $p/exe $p/cwd $p/root $p/fd/*; do t=$(readlink $l) && echo "$t"; done
      done
    done 2>/dev/null | sort -u > /dev/shm/seen; echo > /dev/shm/over`;
    await exec(box, "touch /dev/shm/on");
    const { Id } = await rooms.execs.create(box, { ...STREAMS, Cmd: ["sh", "-c", WATCH] });
    const client = await rooms.execs.attach(Id, { tty: false });
    for (let round = 0; round < 60; round += 1) assert.equal((await exec(box, ["true"])).code, 0);
    await exec(box, "rm /dev/shm/on");
    await collect(client);
    const seen = (await output(box, "cat /dev/shm/seen")).trim().split("\n");
    assert.ok(seen.includes("/"), "it has seen something");
    const known =
      /^(?:\/|pipe:\[\d+\]|\/dev\/null|\/bin\/[\w.]+|\/memfd:exec \(deleted\)|\/dev\/shm\/\w+|\/proc(?:\/.*)?)$/;
    assert.deepEqual(
      seen.filter((target) => !known.test(target)),
      [],
    );
  });

  test("end: a container that is killed takes its execs with it, and none is lost", async () => {
    const box = await start();
    const ids: string[] = [];
    for (let count = 0; count < 8; count += 1)
      ids.push((await rooms.execs.create(box, { ...STREAMS, Cmd: ["sleep", "1000"] })).Id);
    const clients = await Promise.all(ids.map((id) => rooms.execs.attach(id, { tty: false })));
    const ended = Promise.all(clients.map(collect));
    await rooms.control.kill(box, "KILL");
    await ended;
    for (const id of ids) {
      const seen = await rooms.execs.inspect(id);
      assert.equal(seen.Running, false);
      assert.notEqual(seen.ExitCode, 0);
    }
  });
});
