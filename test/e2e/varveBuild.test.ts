/** `varve build` and what belongs to it, on a daemon of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { ROOT, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import type { Ran, RunOptions } from "./support/process.ts";
import { busyboxRootfs, directory, file, makeTar } from "./support/rootfs.ts";

const DOCKERFILE = `FROM box:1 AS base
ENV A=b
RUN echo hello && echo bye >&2
COPY a.txt /a.txt
CMD ["cat", "/a.txt"]
`;
const NOBODY = 65_534;

/** Times and digests of a run, made equal. */
function masked(output: string): string {
  return output
    .replaceAll(/sha256:[0-9a-f]{64}/g, "sha256:…")
    .replaceAll(/(?<=DONE |^#\d+ )\d+\.\d+s?/gm, "T")
    .replaceAll(/ \d+\.\d+s(?= done)/g, "");
}

describe("varve build", () => {
  let daemon: TestDaemon;
  let folder: string;
  let context: string;

  const write = (name: string, body: string): string => {
    writeFileSync(join(context, name), body);
    return join(context, name);
  };
  const build = (args: readonly string[], options?: RunOptions): Promise<Ran> =>
    daemon.varve(["build", ...args], { cwd: context, ...options });
  const mustBuild = (args: readonly string[], options?: RunOptions): Promise<string> =>
    daemon.mustVarve(["build", ...args], { cwd: context, ...options });
  const cat = async (image: string, ...args: readonly string[]): Promise<string> =>
    daemon.mustVarve(["run", "--rm", "--network", "none", image, ...args]);

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-build-"));
    context = join(folder, "context");
    mkdirSync(context);
    write("Dockerfile", DOCKERFILE);
    write("a.txt", "a\n");
    await daemon.mustVarve(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("plain progress, an image under its tags, cached the next time", async () => {
    const first = await build(["--progress=plain", "--network", "none", "-t", "one", "-t", "two:2", "."]);
    assert.equal(first.code, 0, first.stderr);
    const shown = masked(first.stderr);
    assert.match(
      shown,
      /^#0 building with "default" instance using docker driver\n\n#1 \[internal\] load build definition from Dockerfile\n/,
    );
    assert.match(shown, /#\d \[2\/3\] RUN echo hello && echo bye >&2\n(?:#\d T (?:hello|bye)\n){2}#\d DONE T\n/);
    assert.match(shown, /#\d \[3\/3\] COPY a.txt \/a.txt\n#\d DONE T\n/);
    assert.match(shown, /exporting to image\n(?:.*\n)*#\d naming to docker.io\/library\/one done\n/);
    assert.equal(await cat("two:2"), "a\n");
    const id = await mustBuild(["-q", "--network", "none", "."]);
    assert.equal(await daemon.mustVarve(["images", "-q", "--no-trunc", "one"]), id);
    const again = await build(["--progress=plain", "--network", "none", "."]);
    assert.match(masked(again.stderr), /\[2\/3\] RUN .*\n#\d CACHED\n/);
  });

  test("the same lines as docker's, on the same engine", async () => {
    write("Same", "FROM box:1 AS one\nRUN echo a >/a\nFROM box:1\nCOPY --from=one /a /b\nRUN echo out; echo more\n");
    write("SameBad", "FROM box:1\nWORKDIR /w\nRUN echo one; echo two; exit 7\n");
    const config = await pluginConfig();
    for (const name of ["Same", "SameBad"]) {
      const args = ["--progress=plain", "--network", "none", "-t", "same", "-f", name, "."];
      // From the cache, so that what runs side by side comes in one order.
      await build(args);
      const ours = await build(args);
      const theirs = await daemon.docker(["build", ...args], { cwd: context, env: { DOCKER_CONFIG: config } });
      const comparable = ({ stderr }: Ran): string =>
        masked(stderr)
          .replaceAll(/^(#\d+ transferring \w+:).*$/gm, "$1 …")
          .replaceAll(/^\d+\.\d+ /gm, "T ")
          // What docker's client adds after the fact.
          .replace(/\n+View build details:[^]*$/, "\n")
          .replace(/ERROR: failed to build: /, "ERROR: ");
      assert.equal(comparable(ours), comparable(theirs));
      assert.equal(ours.code, theirs.code);
    }
  });

  test("rawjson is a message a line", async () => {
    const { stderr, code } = await build(["--progress=rawjson", "--network", "none", "."]);
    assert.equal(code, 0);
    const messages = stderr
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    assert.ok(messages.some((message) => JSON.stringify(message).includes("[3/3] COPY a.txt /a.txt")));
  });

  test("a step that fails: its output again, its line of the Dockerfile, exit code 1", async () => {
    write("Bad", "FROM box:1\nRUN echo before; exit 3\n");
    const { stderr, code, stdout } = await build(["--network", "none", "-f", "Bad", "."]);
    assert.deepEqual([code, stdout], [1, ""]);
    const failure = 'process "/bin/sh -c echo before; exit 3" did not complete successfully: exit code: 3';
    const end = `ERROR: ${failure}
------
 > [2/2] RUN echo before; exit 3:
T before
------
Bad:2
--------------------
   1 |     FROM box:1
   2 | >>> RUN echo before; exit 3
   3 |     
--------------------
ERROR: failed to solve: ${failure}
`;
    assert.ok(
      masked(stderr)
        .replace(/^\d+\.\d+ before$/m, "T before")
        .endsWith(end),
      stderr,
    );
    const parse = await build(["-q", "-"], { input: "FROM box:1\nFOOBAR x\n" });
    assert.match(parse.stderr, /^Dockerfile:2\n-+\n {3}1 \| {5}FROM box:1\n {3}2 \| >>> FOOBAR x\n/);
    assert.match(
      parse.stderr,
      /ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: FOOBAR\n$/,
    );
  });

  test("command lines that cannot be, in buildx's words", async () => {
    for (const [args, message] of [
      [["nosuch"], 'ERROR: unable to prepare context: path "nosuch" not found\n'],
      [
        ["-f", "nosuch", "."],
        "ERROR: failed to solve: failed to read dockerfile: open nosuch: no such file or directory\n",
      ],
      [["--builder", "x", "."], 'ERROR: no builder "x" found\n'],
      [["--target", "x", "."], 'ERROR: failed to solve: target stage "x" could not be found\n'],
      [["--progress=plain", "."], "ERROR: progress=plain and quiet cannot be used together\n"],
    ] as const) {
      const { stderr, code } = await build(["-q", ...args]);
      assert.deepEqual([code, stderr], [1, message]);
    }
  });

  test("build arguments, target, labels; files for scripts", async () => {
    write("Many", "FROM box:1 AS one\nARG A=0\nRUN echo $A >/a\nFROM box:1\nRUN false\n");
    const files = ["--iidfile", join(folder, "iid"), "--metadata-file", join(folder, "meta.json")];
    await mustBuild([
      ...files,
      "-f",
      "Many",
      "--target",
      "one",
      "--build-arg",
      "A=7",
      "--label",
      "l=m",
      "-t",
      "many",
      "--network",
      "none",
      ".",
    ]);
    assert.equal(await cat("many", "cat", "/a"), "7\n");
    const id = readFileSync(join(folder, "iid"), "utf8");
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const meta = JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as Readonly<Record<string, unknown>>;
    assert.match(String(meta["buildx.build.ref"]), /^default\/default\/[0-9a-z]{25}$/);
    const inspected = await daemon.mustVarve(["image", "inspect", "-f", "{{.Id}} {{json .Config.Labels}}", "many"]);
    assert.equal(inspected, `${id} {"l":"m"}\n`);
  });

  test("Dockerfile and archive on standard input", async () => {
    await mustBuild(["-t", "stdin", "-f", "-", "."], { input: "FROM box:1\nCOPY a.txt /x\n" });
    assert.equal(await cat("stdin", "cat", "/x"), "a\n");
    const empty = await build(["-q", "-"], { input: "FROM box:1\nCOPY a.txt /x\n" });
    assert.match(empty.stderr, /"\/a.txt": not found\n$/);
    const tar = makeTar([directory("sub/"), file("sub/File", "FROM box:1\nCOPY sub/b /b\n"), file("sub/b", "b\n")]);
    await mustBuild(["-t", "archive", "-f", "sub/File", "-"], { input: tar });
    assert.equal(await cat("archive", "cat", "/b"), "b\n");
  });

  test("a directory of another user is sent, less what .dockerignore leaves out", async () => {
    const own = join(folder, "sent");
    mkdirSync(join(own, "d/deep"), { recursive: true });
    for (const [name, body] of [
      ["Dockerfile", "FROM box:1\nCOPY . /c\nRUN ls -R /c >/list; cat /c/d/deep/f\n"],
      [".dockerignore", "*.log\nDockerfile\n"],
      ["x.log", "no"],
      ["d/deep/f", "deep\n"],
    ] as const)
      writeFileSync(join(own, name), body);
    symlinkSync("d/deep", join(own, "link"));
    chmodSync(folder, 0o755);
    for (const path of [dirname(daemon.execRoot), daemon.execRoot]) chmodSync(path, 0o755);
    chmodSync(daemon.socket, 0o666);
    const child = spawn(join(ROOT, "bin/varve"), ["build", "-t", "sent", "--network", "none", own], {
      uid: NOBODY,
      gid: NOBODY,
      env: { ...process.env, VARVE_HOST: `unix://${daemon.socket}`, HOME: "/nonexistent" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "close") as Promise<[number]>]);
    assert.equal(code, 0, stderr);
    const list = await cat("sent", "cat", "/list");
    assert.match(list, /^\/c:\nd\nlink\n/);
  });

  test("secrets reach their step only", async () => {
    const secret = join(folder, "token");
    writeFileSync(secret, "hush");
    write("Secret", "FROM box:1\nRUN --mount=type=secret,id=t cat /run/secrets/t | wc -c\n");
    const { stderr } = await build([
      "--progress=plain",
      "--network",
      "none",
      "--secret",
      `id=t,src=${secret}`,
      "-f",
      "Secret",
      ".",
    ]);
    assert.match(masked(stderr), /#\d T 4\n/);
    assert.doesNotMatch(stderr + daemon.log(), /hush/);
    write("Needs", "FROM box:1\nRUN --mount=type=secret,id=none,required=true true\n");
    const missing = await build(["-q", "--network", "none", "-f", "Needs", "."]);
    assert.match(missing.stderr, /secret none: not found\n$/);
  });

  test("an ssh agent is reached through the client", async () => {
    const agent = createServer((connection) => {
      connection.on("data", (data) => connection.write(data));
    });
    const socket = join(folder, "agent");
    agent.listen(socket);
    await once(agent, "listening");
    write("Ssh", 'FROM box:1\nRUN --mount=type=ssh test -S "$SSH_AUTH_SOCK"\n');
    try {
      await mustBuild(["-q", "--network", "none", "--ssh", `default=${socket}`, "-f", "Ssh", "."]);
    } finally {
      agent.close();
    }
    const none = await build(["-q", "--ssh", "default", "."], { env: { SSH_AUTH_SOCK: "" } });
    assert.equal(none.stderr, "ERROR: invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set\n");
  });

  test("outputs: a directory, an archive", async () => {
    write(
      "Out",
      "FROM box:1 AS make\nRUN mkdir /o && echo x >/o/f && echo y >/o/g\nFROM scratch\nCOPY --from=make /o /\n",
    );
    const out = join(folder, "out");
    await mustBuild(["--network", "none", "-f", "Out", "-o", out, "."]);
    assert.equal(readFileSync(join(out, "f"), "utf8"), "x\n");
    await mustBuild(["--network", "none", "-f", "Out", "-o", `type=tar,dest=${join(folder, "o.tar")}`, "."]);
    assert.ok(readFileSync(join(folder, "o.tar")).includes("g\0"));
    const whole = join(folder, "whole");
    await mustBuild(["--network", "none", "-o", whole, "."]);
    assert.equal(readlinkSync(join(whole, "bin/sh")), "busybox");
  });

  test("Ctrl-C ends the build, and says so", async () => {
    write("Long", "FROM box:1\nRUN echo begun; sleep 100\n");
    const child = spawn(join(ROOT, "bin/varve"), ["build", "--network", "none", "-f", "Long", "."], {
      cwd: context,
      env: { ...process.env, VARVE_HOST: `unix://${daemon.socket}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    let isInterrupted = false;
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (isInterrupted || !/^#\d+ \d+\.\d+ begun$/m.test(stderr)) return;
      isInterrupted = true;
      child.kill("SIGINT");
    });
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 1, stderr);
    assert.match(stderr, /#\d CANCELED\nERROR: failed to solve: Canceled: context canceled\n$/);
  });

  test("a daemon that goes away in the middle is told of", async () => {
    write("Gone", "FROM box:1\nRUN echo begun; sleep 100\n");
    const child = spawn(join(ROOT, "bin/varve"), ["build", "--network", "none", "-f", "Gone", "."], {
      cwd: context,
      env: { ...process.env, VARVE_HOST: `unix://${daemon.socket}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    const begun = Promise.withResolvers<void>();
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (/^#\d+ \d+\.\d+ begun$/m.test(stderr)) begun.resolve();
    });
    const closed = once(child, "close") as Promise<[number]>;
    await Promise.race([begun.promise, closed]);
    await daemon.kill();
    const [code] = await closed;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\nERROR: failed to solve: Unavailable: error reading from server: EOF\n$/);
    await daemon.start();
    assert.match(await mustBuild(["-q", "--network", "none", "."]), /^sha256:/);
  });

  test("explain names what changed; the cache is listed and pruned", async () => {
    write("why.txt", "1");
    write("Why", "FROM box:1\nCOPY why.txt /\n");
    await mustBuild(["-q", "-f", "Why", "."]);
    write("why.txt", "2");
    const { stderr } = await build(["-q", "--explain", "-f", "Why", "."]);
    assert.match(stderr, /=> \[2\/2\] COPY why.txt \/: changed since it was built\n(?:.*\n)* {5}~ .*why.txt/);
    const usage = await daemon.mustVarve(["buildx", "du"]);
    assert.match(usage, /^ID\t+RECLAIMABLE\tSIZE\t\tLAST ACCESSED\n[a-z0-9]+\*? +\ttrue /);
    const pruned = await daemon.mustVarve(["builder", "prune", "-a", "-f"]);
    assert.match(pruned, /\nTotal:\t[\d.]+[kMG]?B\n$/);
    assert.doesNotMatch(await daemon.mustVarve(["buildx", "du"]), /\ttrue /);
  });

  test("buildx tells of the one builder that there is", async () => {
    assert.match(await daemon.mustVarve(["buildx", "ls"]), /^default\* +docker/m);
    assert.match(await daemon.mustVarve(["buildx", "inspect"]), /^Status: +running$/m);
    const other = await daemon.varve(["buildx", "use", "other"]);
    assert.equal(other.code, 1);
    assert.match(
      other.stderr,
      /^ERROR: failed to find instance "other": open .*\/instances\/other: no such file or directory\n$/,
    );
    assert.equal(existsSync(join(context, "default")), false);
  });
});
