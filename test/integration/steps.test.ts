/** A build's commands as the kernel runs them. Needs root and a runtime. */
import assert from "node:assert/strict";

import { after, before, describe, test } from "node:test";
import type { StepCall } from "#containers";
import type { DiffId } from "#oci";
import { readFile } from "node:fs/promises";
import { file, makeTar, symlink } from "../e2e/support/rootfs.ts";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mountsBelow } from "../e2e/support/daemon.ts";
import { TarScanner } from "#tar";
import type { TarEntry } from "#tar";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tar: Buffer;
}

/** Its members, as `type path`, with the target of a link. */
function membersOf(tar: Uint8Array): readonly string[] {
  const entries: TarEntry[] = [];
  const scanner = new TarScanner({ onEntry: (entry) => entries.push(entry) });
  scanner.push(tar);
  scanner.finish();
  return entries.map(({ type, path, linkPath }) => `${type} ${path}${linkPath === "" ? "" : ` ${linkPath}`}`);
}

type Changes = Partial<Omit<StepCall, "onOutput">>;

describe("steps", () => {
  let rooms: ContainerRooms;
  let base: DiffId;

  before(async () => {
    rooms = await openContainerRooms();
    const [layer] = rooms.layers.list();
    assert.ok(layer !== undefined);
    base = layer.diffId;
  });
  after(() => rooms[Symbol.asyncDispose]());

  async function step(script: string, changes: Changes = {}): Promise<Ran> {
    const text = ["", "", ""];
    await using finished = await rooms.steps.run({
      diffIds: [base],
      mounts: [],
      isolation: { network: "none", insecure: false, hostname: "buildkitsandbox", extraHosts: [] },
      limits: {},
      signal: new AbortController().signal,
      ...changes,
      process: {
        arguments: ["/bin/sh", "-c", script],
        environment: ["PATH=/bin"],
        workingDirectory: "/",
        user: "",
        ...changes.process,
      },
      onOutput: (stream, bytes) => void (text[stream] += Buffer.from(bytes).toString("latin1")),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of finished.changes()) chunks.push(chunk);
    const [, stdout = "", stderr = ""] = text;
    return { exitCode: finished.exitCode, stdout, stderr, tar: Buffer.concat(chunks) };
  }

  test("steps: output, exit code, environment", async () => {
    const { exitCode, stdout, stderr } = await step("env; pwd; echo bad >&2; exit 7");
    assert.equal(exitCode, 7, stderr);
    assert.deepEqual(stdout.split("\n").sort(), ["", "/", "HOME=/root", "PATH=/bin", "PWD=/", "SHLVL=1"]);
    assert.equal(stderr, "bad\n");
  });

  test("steps: what changed, as a layer; nothing of the runtime's", async () => {
    const { exitCode, tar } = await step(
      "rm /etc/group; echo x > /etc/new; mkdir -p /a/b; echo hi > /a/b/f; ln -s f /a/b/l; rm -rf /bin/ls",
    );
    assert.equal(exitCode, 0);
    assert.deepEqual(membersOf(tar), [
      "directory a/",
      "directory a/b/",
      "file a/b/f",
      "symlink a/b/l f",
      "directory bin/",
      "file bin/.wh.ls",
      "directory etc/",
      "file etc/.wh.group",
      "file etc/new",
    ]);
  });

  test("steps: a command that changes nothing makes an empty layer, mount targets or not", async () => {
    const { exitCode, stdout, stderr, tar } = await step("cat /run/a/b/f; ls -l /run/a/b; ls -d /cache/x /t/u", {
      mounts: [
        { kind: "content", bytes: Buffer.from("secret"), target: "/run/a/b/f", mode: 0o400, uid: 33, gid: 0 },
        { kind: "host", source: rooms.dataRoot, target: "/cache/x", readOnly: true },
        { kind: "tmpfs", target: "/t/u", size: 1 << 20 },
      ],
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^secret.*-r--------\s+1 web\s+root\s+6 .* f\n\/cache\/x\n\/t\/u\n$/s);
    assert.deepEqual(membersOf(tar), []);
  });

  test("steps: links that lead nowhere, on the way to where the runtime mounts", async () => {
    await using writer = await rooms.layers.ingestTar();
    await writer.write(makeTar([symlink("etc/resolv.conf", "../run/net/stub.conf"), symlink("data", "/var/lib/data")]));
    const { layer } = await writer.commit();
    const { exitCode, stdout, stderr, tar } = await step("cat /etc/resolv.conf | wc -l; ls -d /var/lib/data/x", {
      diffIds: [base, layer.diffId],
      mounts: [{ kind: "tmpfs", target: "/data/x", size: undefined }],
    });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /^[1-9]\d*\n\/var\/lib\/data\/x\n$/);
    assert.deepEqual(membersOf(tar), []);
  });

  test("steps: what is written to a stack or a directory is thrown away, what is read-only is not written", async () => {
    const { exitCode, stdout, stderr, tar } = await step(
      "cat /m/passwd | head -n 1; touch /m/new && rm /m/passwd && ls /m; touch /d/x && ls /d | wc -l; touch /ro/x",
      {
        mounts: [
          { kind: "layers", diffIds: [base], path: "/etc", target: "/m", readOnly: false },
          { kind: "directory", directory: rooms.execRoot, path: "/", target: "/d", readOnly: false },
          { kind: "layers", diffIds: [base], path: "/", target: "/ro", readOnly: true },
        ],
      },
    );
    assert.equal(exitCode, 1);
    assert.match(stdout, /^root:x:0:0:root:\/root:\/bin\/sh\ngroup\nnew\nos-release\n\d+\n$/);
    assert.match(stderr, /Read-only file system/);
    assert.deepEqual(membersOf(tar), []);
    assert.equal(existsSync(join(rooms.execRoot, "x")), false);
  });

  test("steps: cancelling ends all processes, and leaves nothing", async () => {
    const stop = new AbortController();
    const ran = step("sleep 1000 & echo begun; sleep 1000", {
      signal: stop.signal,
      isolation: { network: "default", insecure: false, hostname: "h", extraHosts: [] },
    });
    setTimeout(() => stop.abort(), 150);
    await assert.rejects(ran, { category: "cancelled", message: "context canceled" });
    await rooms.restart();
    assert.deepEqual(readdirSync(join(rooms.execRoot, "steps")), []);
    assert.deepEqual(readdirSync(join(rooms.execRoot, "netns")), []);
    assert.deepEqual(readdirSync(join(rooms.execRoot, "runtime")), []);
    assert.deepEqual(mountsBelow(rooms.execRoot), []);
  });

  test("steps: networks", async () => {
    const isolation = { insecure: false, hostname: "h", extraHosts: [{ name: "a.b", address: "1.2.3.4" }] };
    const script = "ls /sys/class/net; cat /etc/hosts; cat /proc/sys/kernel/hostname";
    const own = await step(script, { isolation: { network: "default", ...isolation } });
    const hosts = "127.0.0.1\tlocalhost h\n::1\tlocalhost ip6-localhost ip6-loopback\n1.2.3.4\ta.b\nh\n";
    assert.equal(own.stdout, `eth0\nlo\n${hosts}`, own.stderr);
    const none = await step(script, { isolation: { network: "none", ...isolation } });
    assert.equal(none.stdout, `lo\n${hosts}`);
    const host = await step(script, { isolation: { network: "host", ...isolation } });
    assert.equal(host.stdout, `${readdirSync("/sys/class/net").join("\n")}\n${hosts}`);
    assert.deepEqual(rooms.events, []);
    const extraHosts = [{ name: "gw", address: "host-gateway" }];
    const gateway = await step("cat /etc/hosts", {
      isolation: { network: "default", insecure: false, hostname: "h", extraHosts },
    });
    assert.match(gateway.stdout, /\n\d+\.\d+\.\d+\.1\tgw\n$/);
  });

  test("steps: what cannot be started says so on stderr", async () => {
    const refused = await step("", {
      process: { arguments: ["/etc"], environment: [], workingDirectory: "/", user: "" },
    });
    assert.equal(refused.exitCode, 1);
    assert.equal(refused.stderr, 'runc run failed: unable to start container process: exec: "/etc": is a directory\n');
    const foreign = Buffer.from(await readFile("/bin/busybox"));
    foreign[18] = 0xf3; // e_machine: RISC-V
    await using writer = await rooms.layers.ingestTar();
    await writer.write(makeTar([file("foreign", foreign, 0o755)]));
    const { layer } = await writer.commit();
    const strange = await step("", {
      diffIds: [base, layer.diffId],
      process: { arguments: ["/foreign"], environment: [], workingDirectory: "/", user: "" },
    });
    assert.deepEqual([strange.exitCode, strange.stderr], [1, "exec /foreign: exec format error\n"]);
  });

  test("steps: limits, and no limits at all", async () => {
    const limits = { shmSize: 8 << 20, ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }] };
    const script = "ulimit -n; ulimit -Hn; grep -o 'size=8192k' /proc/mounts; grep CapEff /proc/self/status";
    const bound = await step(script, { limits });
    assert.equal(bound.stdout, "100\n200\nsize=8192k\nCapEff:\t00000000a80425fb\n", bound.stderr);
    const isolation = { network: "none", insecure: true, hostname: "h", extraHosts: [] } as const;
    const free = await step("grep -E 'CapEff|Seccomp:' /proc/self/status; test -w /sys/fs/cgroup && echo writable", {
      isolation,
    });
    const own = /^CapBnd:\t.*$/m.exec(await readFile("/proc/self/status", "latin1"))?.[0].replace("Bnd", "Eff");
    assert.equal(free.stdout, `${own}\nSeccomp:\t0\nwritable\n`, free.stderr);
  });

  test("steps: users of the root's own files, a working directory that was not there, input", async () => {
    const process = { environment: ["PATH=/bin"], workingDirectory: "/w/x", user: "web", stdin: "given" };
    const { stdout, stderr, tar } = await step("", {
      process: { arguments: ["/bin/sh", "-c", "id; pwd; echo $HOME; cat"], ...process },
    });
    assert.equal(stdout, "uid=33(web) gid=33(web) groups=33(web),44(extra)\n/w/x\n/var/www\ngiven", stderr);
    assert.deepEqual(membersOf(tar), ["directory w/", "directory w/x/"]);
  });
});
