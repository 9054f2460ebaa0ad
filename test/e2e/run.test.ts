/** Running in the foreground through the real docker command and through ours: streams, exit codes, users, signals. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const NONE = ["run", "--rm", "--network", "none"];

for (const client of ["docker", "varve"] as const) {
  describe(`run in the foreground through ${client}`, () => {
    let daemon: TestDaemon;
    const run = (args: readonly string[], input?: string): ReturnType<TestDaemon["docker"]> =>
      daemon[client](args, input === undefined ? {} : { input });

    before(async () => {
      daemon = await startDaemon();
      await daemon.mustDocker(["import", "-c", 'CMD ["sh", "-c", "echo default"]', "-", "box:1"], {
        input: await busyboxRootfs(),
      });
    });
    after(async () => {
      await daemon[Symbol.asyncDispose]();
    });

    test("output: standard output and error arrive apart, byte for byte", async () => {
      const ran = await run([...NONE, "box:1", "sh", "-c", "echo out; echo err >&2; printf 'a\\000b'"]);
      assert.deepEqual(ran, { code: 0, stdout: "out\na\0b", stderr: "err\n" });
    });

    test("output: a megabyte arrives whole", async () => {
      const ran = await run([...NONE, "box:1", "sh", "-c", "head -c 1048576 /dev/zero"]);
      assert.equal(ran.stdout.length, 1_048_576);
    });

    test("exit code: the program's own when it ends by itself", async () => {
      assert.equal((await run([...NONE, "box:1", "sh", "-c", "exit 42"])).code, 42);
    });

    test("exec: a program that is not there does not keep its container from ending", async () => {
      await daemon.mustDocker(["run", "-d", "--name", "keeps", "--network", "none", "box:1", "sleep", "600"]);
      assert.notEqual((await daemon[client](["exec", "keeps", "nosuch"])).code, 0);
      assert.notEqual((await daemon[client](["exec", "-w", "/nosuch", "keeps", "true"])).code, 0);
      assert.deepEqual(await daemon[client](["rm", "-f", "keeps"]), { code: 0, stdout: "keeps\n", stderr: "" });
    });

    test("exit code: 128 and the signal when a signal ended it", async () => {
      // Signals that a container's first process sends itself do not count: this one comes from outside.
      const running = run([...NONE, "--name", "to-be-killed", "box:1", "sleep", "60"]);
      for (let attempt = 0; attempt < 200; attempt += 1) {
        if ((await daemon.docker(["kill", "to-be-killed"])).code === 0) break;
        await sleep(50);
      }
      assert.equal((await running).code, 137);
    });

    test("processes: neither a run nor a failed start leaves a zombie", async () => {
      await run([...NONE, "box:1", "true"]);
      await run([...NONE, "box:1", "/nope"]);
      const children = (): string => readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8").trim();
      // A monitor lives for some milliseconds after it told the exit.
      for (let attempt = 0; attempt < 100 && children() !== ""; attempt += 1) await sleep(50);
      assert.equal(children(), "");
    });

    test("exit code: 127 and Docker's words when the program is not there", async () => {
      const ran = await run([...NONE, "box:1", "/nope"]);
      assert.equal(ran.code, 127);
      assert.match(ran.stderr, /exec: "\/nope": stat \/nope: no such file or directory/);
    });

    test("exit code: 126 when it cannot be executed", async () => {
      const ran = await run([...NONE, "box:1", "/etc/passwd"]);
      assert.equal(ran.code, 126);
      assert.match(ran.stderr, /permission denied/);
    });

    test("exit code: 125 when the daemon refuses", async () => {
      const ran = await run([...NONE, "INVALID", "true"]);
      assert.equal(ran.code, 125);
      assert.match(ran.stderr, /repository name \(.*INVALID\) must be lowercase/);
    });

    test("command: the image's CMD when none is given, --entrypoint before it", async () => {
      assert.equal((await run([...NONE, "box:1"])).stdout, "default\n");
      assert.equal((await run([...NONE, "--entrypoint", "echo", "box:1", "a", "b"])).stdout, "a b\n");
    });

    test("environment and working directory: -e, -w, a directory that is not there is made", async () => {
      const ran = await run([
        ...NONE,
        "-e",
        "A=1",
        "-e",
        "B=two words",
        "-w",
        "/new/place",
        "box:1",
        "sh",
        "-c",
        "echo $A-$B; pwd",
      ]);
      assert.equal(ran.stdout, "1-two words\n/new/place\n");
    });

    test("user: by name with its groups, by number, unknown refused", async () => {
      assert.equal(
        (await run([...NONE, "-u", "web", "box:1", "id"])).stdout,
        "uid=33(web) gid=33(web) groups=33(web),44(extra)\n",
      );
      assert.match((await run([...NONE, "-u", "1234:44", "box:1", "id"])).stdout, /^uid=1234 gid=44\(extra\)/);
      const unknown = await run([...NONE, "-u", "nosuch", "box:1", "id"]);
      assert.notEqual(unknown.code, 0);
      assert.match(unknown.stderr, /unable to find user nosuch: no matching entries in passwd file/);
    });

    test("stdin: -i passes it on and its end", async () => {
      assert.equal((await run([...NONE, "-i", "box:1", "cat"], "hello\n")).stdout, "hello\n");
    });

    test("network: none has a loopback only, host has the host's", async () => {
      assert.equal((await run([...NONE, "box:1", "ls", "/sys/class/net"])).stdout.trim(), "lo");
      const host = await run(["run", "--rm", "--network", "host", "box:1", "ls", "/sys/class/net"]);
      assert.equal(host.code, 0);
    });

    test("isolation: own pids, no access to devices, default seccomp", async () => {
      const ran = await run([
        ...NONE,
        "box:1",
        "sh",
        "-c",
        "echo $$; grep Seccomp: /proc/self/status; ls /dev/mem 2>/dev/null; grep CapEff /proc/self/status",
      ]);
      assert.equal(ran.stdout, "1\nSeccomp:\t2\nCapEff:\t00000000a80425fb\n");
    });

    test("root: the mark by which programs know a container is there, also in a read-only one", async () => {
      assert.match((await run([...NONE, "box:1", "ls", "-la", "/.dockerenv"])).stdout, /^-rwxr-xr-x +1 root +root +0 /);
      assert.equal((await daemon.docker([...NONE, "--read-only", "box:1", "test", "-e", "/.dockerenv"])).code, 0);
    });

    test("interrupt: Ctrl-C ends the container and the client", async () => {
      const child = spawn(
        client === "docker" ? "docker" : `${import.meta.dirname}/../../bin/varve`,
        [
          ...NONE,
          "--name",
          "interrupted",
          "box:1",
          "sh",
          "-c",
          "trap 'echo bye; exit 7' INT; echo up; while true; do sleep 0.1; done",
        ],
        {
          stdio: ["ignore", "pipe", "inherit"],
          env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}` },
        },
      );
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      for (let attempt = 0; attempt < 200 && !output.includes("up"); attempt += 1) await sleep(50);
      const gone = once(child, "exit");
      child.kill("SIGINT");
      const [code] = await gone;
      assert.equal(code, 7);
      assert.equal(output, "up\nbye\n");
    });

    test("start -a: a start that fails is told in one line", async () => {
      const driver = ["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:1"];
      await daemon.mustDocker(["create", "--name", "mute", "--network", "none", ...driver, "box:1", "true"]);
      const { code, stderr } = await run(["start", "-a", "mute"]);
      assert.equal(code, 1);
      assert.match(stderr, /^Error response from daemon: [^\n]*failed to initialize logging driver[^\n]*\n$/);
      await daemon.mustDocker(["rm", "mute"]);
    });

    test("rm: nothing is left of a container that is gone", async () => {
      assert.equal((await run(["ps", "-aq"])).stdout, "");
      const containers = mountsBelow(daemon.dataRoot).filter((target) => target.endsWith("/merged"));
      assert.deepEqual(containers, []);
    });

    test("survival: a container's record outlives a killed daemon, its image cannot go", async () => {
      await daemon.mustDocker(["run", "--name", "kept", "--network", "none", "box:1", "true"]);
      await daemon.kill();
      await daemon.start();
      const names = await daemon.mustDocker(["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
      assert.equal(names, "kept exited\n");
      const refused = await run(["rmi", "box:1"]);
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /conflict: unable to remove repository reference "box:1" \(must force\) - container [0-9a-f]{12} is using its referenced image/,
      );
      await daemon.mustDocker(["rm", "kept"]);
    });
  });
}
