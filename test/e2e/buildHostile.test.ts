/** Contexts, Dockerfiles and remotes that mean harm: refused or bounded, with one clear line; the daemon goes on. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { encodeTarHeader, TAR_END } from "#tar";
import { openRemotes, type RemoteServer } from "./build/support/remotes.ts";
import { startDaemon, type TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { run, type Ran } from "./support/process.ts";
import { directory, file, makeTar, symlink, type Member } from "./support/rootfs.ts";

const COPY_ALL = file("Dockerfile", "FROM scratch\nCOPY . /x/\n");
const MIB = 1 << 20;
const BOMB_MIB = 1024;

/** A gigabyte of zeros as a tar in a megabyte or so: members of gzip one after the other are one stream. */
function bomb(): Buffer {
  const zeros = gzipSync(Buffer.alloc(64 * MIB));
  const header = encodeTarHeader({ path: "zeros", type: "file", mode: 0o644, size: BOMB_MIB * MIB });
  return Buffer.concat([gzipSync(header), ...Array.from({ length: BOMB_MIB / 64 }, () => zeros), gzipSync(TAR_END)]);
}

describe("hostile builds", () => {
  let daemon: TestDaemon;
  let remotes: RemoteServer;
  let folder: string;
  let env: Record<string, string>;

  const docker = (args: readonly string[], input?: Uint8Array | string): Promise<Ran> =>
    run("docker", args, { env, cwd: folder, ...(input === undefined ? {} : { input }) });
  /** The last line of a build that has to fail. */
  const refused = async (args: readonly string[], input?: Uint8Array | string): Promise<string> => {
    const { code, stderr } = await docker(["build", "--progress=plain", ...args], input);
    assert.equal(code, 1, stderr);
    const line = stderr.trimEnd().split("\n").at(-1) ?? "";
    assert.ok(line.startsWith("ERROR: "), stderr.slice(-2000));
    assert.ok(line.length < 3000, `a line of ${line.length}`);
    return line.replace("ERROR: failed to solve: ", "");
  };
  const refusedTar = (members: readonly Member[]): Promise<string> => refused(["-"], makeTar(members));
  const refusedFile = (text: string): Promise<string> => refused(["-f", "-", "."], text);

  before(async () => {
    daemon = await startDaemon();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-hostile-"));
    env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: await pluginConfig() };
    remotes = await openRemotes({
      answers: {
        "/short": { body: "ab", headers: { "Content-Length": "1000" }, cut: true },
        "/huge": { body: "ab", headers: { "Content-Length": "99999999999999" }, cut: true },
        "/loop": { status: 302, headers: { Location: "/loop" } },
        "/local": { status: 302, headers: { Location: "file:///etc/passwd" } },
        "/endless": { body: Buffer.alloc(MIB), endless: true },
        "/named": { body: "x", headers: { "Content-Disposition": 'attachment; filename="../../../etc/x"' } },
      },
      repositories: { r: [{ files: { a: "a\n", "out/link": { link: "/etc" } } }] },
    });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await remotes[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("archives: names and links that lead out stay in or are refused", async () => {
    assert.match(
      await refusedTar([COPY_ALL, file("../../evil", "e")]),
      /invalid tar: path "\.\.\/\.\.\/evil" holds "\.\."$/,
    );
    assert.match(
      await refusedTar([COPY_ALL, symlink("l", "/etc"), file("l/evil", "e")]),
      /l\/evil comes without its directory$/,
    );
    const hard: Member = { path: "h", type: "hardlink", mode: 0o644, linkPath: "/etc/passwd" };
    assert.match(await refusedTar([COPY_ALL, hard]), /h is a link to \/etc\/passwd, which is not in the archive$/);
    for (const target of ["/etc/passwd", "../../../../etc/passwd"])
      assert.match(
        await refusedTar([symlink("Dockerfile", target)]),
        /failed to read dockerfile: open Dockerfile: no such file/,
      );
    assert.match(await refusedTar([symlink("Dockerfile", "Dockerfile")]), /failed to read dockerfile: .*too many/);
    assert.match(
      await refusedTar([directory("Dockerfile/")]),
      /failed to read dockerfile: read Dockerfile: is a directory/,
    );
    const pipe: Member = { path: "Dockerfile", type: "fifo", mode: 0o644 };
    assert.match(await refusedTar([pipe]), /failed to read dockerfile: read Dockerfile: not a regular file/);
    const cut = makeTar([COPY_ALL, file("big", Buffer.alloc(100_000, 1))]).subarray(0, 50_000);
    assert.match(await refused(["-"], cut), /truncated tar/);
    const absolute = makeTar([COPY_ALL, file("/etc/evil", "e")]);
    assert.equal((await docker(["build", "-q", "-o", "out-absolute", "-"], absolute)).code, 0);
    assert.deepEqual(readdirSync(join(folder, "out-absolute/x/etc")), ["evil"]);
  });

  test("archives: device nodes are copied as such, and opened by nobody", async () => {
    const device = (path: string, type: "char" | "block", deviceMajor: number): Member => ({
      path,
      type,
      mode: 0o644,
      deviceMajor,
      deviceMinor: 0,
    });
    const tar = makeTar([
      COPY_ALL,
      device("tty", "char", 5),
      device("disk", "block", 253),
      { path: "p", type: "fifo", mode: 0o600 },
    ]);
    const ran = await docker(["build", "-q", "-o", "type=tar,dest=devices.tar", "-"], tar);
    assert.equal(ran.code, 0, ran.stderr);
    const { stdout } = await run("tar", ["tvf", join(folder, "devices.tar")]);
    assert.match(stdout, /^crw.* 5,0 .*x\/tty$/m);
    assert.match(stdout, /^brw.* 253,0 .*x\/disk$/m);
    assert.match(stdout, /^prw.*x\/p$/m);
  });

  test("directories: links out of the context and the Dockerfile's path", async () => {
    const context = join(folder, "links");
    mkdirSync(context);
    symlinkSync("/etc", join(context, "out"));
    symlinkSync("../../../../etc/passwd", join(context, "up"));
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY out/passwd /x\n");
    assert.match(await refused(["links"]), /"\/etc\/passwd": not found$/);
    writeFileSync(join(context, "Up"), "FROM scratch\nCOPY up /x\n");
    assert.match(await refused(["-f", "links/Up", "links"]), /"\/etc\/passwd": not found$/);
    writeFileSync(join(context, "Above"), "FROM scratch\nCOPY ../../etc/passwd /x\n");
    assert.match(await refused(["-f", "links/Above", "links"]), /"\/etc\/passwd": not found$/);
    const tar = makeTar([COPY_ALL]);
    assert.match(await refused(["-f", "../../../etc/passwd", "-"], tar), /open .*passwd: no such file or directory$/);
  });

  test("Dockerfiles: what is too much is told before it is done", async () => {
    assert.match(
      await refusedFile(`FROM scratch\nENV A=${"x".repeat(200_000)}\n`),
      /line greater than max allowed size of 65535$/,
    );
    assert.match(
      await refusedFile(`FROM scratch\nCOPY <<EOF /x\n${"line\n".repeat(100_000)}`),
      /unterminated heredoc$/,
    );
    assert.match(
      await refusedFile(`FROM scratch\nENV A=${"${B:-".repeat(5000)}x${"}".repeat(5000)}\n`),
      /failed to process/,
    );
    const doubled = Array.from({ length: 12 }, (_, i) => `ENV A${i + 1}=${`$A${i}`.repeat(10)}\n`).join("");
    assert.match(await refusedFile(`FROM scratch\nENV A0=xxxxxxxxxx\n${doubled}`), /expanded value is too long$/);
    const circle = ["b", "c", "a"].map((from, i) => `FROM scratch AS ${"abc"[i]}\nCOPY --from=${from} / /\n`);
    assert.match(await refusedFile(circle.join("")), /circular dependency detected on stage: a$/);
    const stages = Array.from({ length: 20_000 }, (_, i) => `FROM scratch AS s${i}\n`).join("");
    assert.match(
      await refusedFile(stages),
      /the Dockerfile has 20000 instructions, more than the 10000 that are built$/,
    );
    const large = `FROM scratch\n${`# ${"x".repeat(98)}\n`.repeat(180_000)}`;
    assert.match(await refusedFile(large), /failed to read dockerfile: .*(?:large|more than)/);
  });

  test("Dockerfiles: ten megabytes, thousands of heredocs and stages are built", async () => {
    const built = async (text: string): Promise<void> => {
      const { code, stderr } = await docker(["build", "-q", "-f", "-", "."], text);
      assert.equal(code, 0, stderr.slice(-1000));
    };
    await built(`FROM scratch\n${`# ${"x".repeat(98)}\n`.repeat(100_000)}ENV A=1\n`);
    await built(`FROM scratch\nENV A=1 \\\n${"\\\n".repeat(200_000)} B=2\n`);
    const names = Array.from({ length: 2000 }, (_, i) => `F${i}`);
    await built(
      `FROM scratch\nCOPY ${names.map((n) => `<<${n}`).join(" ")} /x/\n${names.map((n) => `t\n${n}\n`).join("")}`,
    );
    await built(`${Array.from({ length: 9000 }, (_, i) => `FROM scratch AS s${i}\n`).join("")}ENV A=1\n`);
    const big = "v".repeat(100_000);
    const { code, stderr } = await docker(
      ["build", "-q", "--build-arg", `A=${big}`, "-f", "-", "."],
      "FROM scratch\nARG A\nLABEL a=$A\n",
    );
    assert.equal(code, 0, stderr.slice(-1000));
  });

  test("URLs that lie about their length, lead in circles or to this machine's files", async () => {
    const add = (path: string): Promise<string> =>
      refusedFile(`FROM scratch\nADD http://${remotes.address}/${path} /x/\n`);
    assert.equal(await add("short"), "failed to load cache key: unexpected EOF");
    assert.equal(await add("huge"), "failed to load cache key: unexpected EOF");
    assert.match(await add("loop"), /stopped after 10 redirects$/);
    assert.match(await add("local"), /unsupported protocol scheme "file"$/);
    assert.match(await refused([`http://${remotes.address}/short`]), /unexpected EOF$/);
    const named = `FROM scratch\nADD http://${remotes.address}/named /x/\n`;
    assert.equal((await docker(["build", "-q", "-o", "out-named", "-f", "-", "."], named)).code, 0);
    assert.deepEqual(readdirSync(join(folder, "out-named/x")), ["named"]);
  });

  test("a URL that never ends: who stops waiting leaves nothing behind", async () => {
    const text = `FROM scratch\nADD http://${remotes.address}/endless /x/\n`;
    await run("docker", ["build", "-q", "-f", "-", "."], { env, cwd: folder, input: text, timeoutMs: 2000 });
    const spool = join(daemon.dataRoot, "buildkit/http");
    for (let attempt = 0; attempt < 100 && readdirSync(spool).length > 0; attempt += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(readdirSync(spool), []);
  });

  test("git: no option, program or file of this machine by a remote's name", async () => {
    const marker = join(folder, "marker");
    const attempts = [
      `http://${remotes.address}/r.git#--upload-pack=touch ${marker}`,
      `http://${remotes.address}/r.git#-c core.sshCommand=touch`,
      `ssh://-oProxyCommand=touch%20${marker}/r.git`,
      `git@-oProxyCommand=x:r.git`,
      `http://${remotes.address}/r.git#main:out/link`,
      `http://${remotes.address}/r.git#main:../../..`,
    ];
    for (const url of attempts) {
      const { code } = await docker(["build", "-q", url]);
      assert.equal(code, 1, url);
    }
    const ext = await refusedFile(`FROM scratch\nADD ext::sh%20-c%20touch%20${marker}.git /x\n`);
    assert.match(ext, /not found|unsupported|invalid/);
    assert.equal(existsSync(marker), false);
  });

  test("a gigabyte of zeros in a megabyte takes no gigabyte", async () => {
    writeFileSync(join(folder, "bomb.tgz"), bomb());
    const before_ = await diskBytes(daemon.dataRoot);
    const ran = await docker(["build", "-q", "-f", "-", "."], "FROM scratch\nADD bomb.tgz /x/\n");
    assert.equal(ran.code, 0, ran.stderr);
    assert.ok((await diskBytes(daemon.dataRoot)) - before_ < 200 * MIB);
  });

  test("the daemon goes on", async () => {
    assert.match((await docker(["build", "-q", "-f", "-", "."], "FROM scratch\nENV DONE=1\n")).stdout, /^sha256:/);
    assert.doesNotMatch(daemon.log(), /level=error/);
  });
});

/** As the disk has it: holes take nothing. */
async function diskBytes(path: string): Promise<number> {
  const { stdout } = await run("du", ["-s", "--block-size=1", path]);
  return Number.parseInt(stdout, 10);
}
