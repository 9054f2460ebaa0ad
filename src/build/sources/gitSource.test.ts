import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { findProgram } from "#host";
import type { GitSource } from "../graph/operation.ts";
import { NO_SESSION } from "../solver/fakeBuild.ts";
import type { BuildSession } from "../session.ts";
import { openTestRooms } from "../testRooms.ts";
import { createGitHandler } from "./createGitHandler.ts";
import type { GitHandler } from "./createGitHandler.ts";
import { openGitAccess } from "./gitAccess.ts";
import { testStep } from "./testStep.ts";

const skip = findProgram("git") === undefined ? "needs git" : false;
const IDENTITY = ["-c", "user.name=x", "-c", "user.email=x@example.invalid", "-c", "protocol.file.allow=always"];

interface Repository {
  readonly url: string;
  readonly folder: string;
  readonly git: (...args: readonly string[]) => string;
}

/** A repository with two branches, a tag and a symlink, behind git's own server. */
async function repository(t: TestContext): Promise<Repository> {
  const base = mkdtempSync(join(tmpdir(), "varve-git-"));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const folder = join(base, "repo");
  mkdirSync(join(folder, "sub"), { recursive: true });
  const git = (...args: readonly string[]): string =>
    execFileSync("git", [...IDENTITY, ...args], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  git("init", "-q", "-b", "main");
  writeFileSync(join(folder, "a"), "1");
  writeFileSync(join(folder, "sub", "b"), "2");
  symlinkSync("/etc", join(folder, "out"));
  git("add", "-A");
  git("commit", "-qm", "one");
  git("tag", "-a", "v1", "-m", "v1");
  const port = await freePort();
  const args = ["daemon", `--base-path=${base}`, "--export-all", "--reuseaddr", "--listen=127.0.0.1", `--port=${port}`];
  const server = spawn("git", args, { stdio: "ignore", detached: true });
  t.after(() => {
    if (server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
  });
  while (!(await answers(port))) await delay(20);
  return { url: `git://127.0.0.1:${port}/repo`, folder, git };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function source(remote: string, more: Partial<GitSource> = {}): GitSource {
  const none = { ref: undefined, subdirectory: undefined, checksum: undefined };
  return { kind: "git", remote, ...none, keepGitDirectory: false, ...more };
}

test("git source: a branch, a tag, a commit and a subdirectory are checked out as layers", { skip }, async (t) => {
  const { url, git } = await repository(t);
  const rooms = await openTestRooms(t);
  const handler = createGitHandler({ layers: rooms.layers, dataRoot: rooms.directory, now: () => 1 });
  const commit = git("rev-parse", "HEAD").trim();
  const paths = (more: Partial<GitSource>): Promise<readonly string[]> => pathsOf(rooms, handler, source(url, more));
  for (const ref of [undefined, "main", "v1", commit]) {
    const key = await handler.keyInputs(testStep(source(url, { ref })));
    assert.equal(key?.values["commit"], commit);
    assert.deepEqual(await paths({ ref }), ["a", "out", "sub", "sub/b"]);
  }
  assert.deepEqual(await paths({ subdirectory: "sub" }), ["b"]);
  // A branch with the name of a tag wins, as with git checkout.
  git("checkout", "-q", "-b", "v1");
  git("rm", "-q", "a");
  git("commit", "-qm", "less");
  assert.deepEqual(await paths({ ref: "v1" }), ["out", "sub", "sub/b"]);
  git("checkout", "-q", "main");
  assert.ok((await paths({ keepGitDirectory: true })).includes(".git/HEAD"));
  const [record, other] = await handler.repositories.list();
  assert.equal(record?.description, `shared git repo for ${url}`);
  assert.equal(other, undefined);
  assert.equal(await handler.repositories.remove(record.id), true);
  assert.deepEqual(await handler.repositories.list(), []);
});

test("git source: what leads out of the repository, or is not in it, is refused", { skip }, async (t) => {
  const { url, git } = await repository(t);
  const rooms = await openTestRooms(t);
  const handler = createGitHandler({ layers: rooms.layers, dataRoot: rooms.directory, now: () => 1 });
  const refuses = (more: Partial<GitSource>, message: RegExp): Promise<void> =>
    assert.rejects(pathsOf(rooms, handler, source(url, more)), { message });
  await refuses({ subdirectory: "out" }, /invalid subdir \/out: failed to lstat "out"/);
  await refuses({ subdirectory: "../.." }, /invalid subdir/);
  await refuses({ ref: "nosuch" }, /repository does not contain ref nosuch, output: ""$/);
  await refuses({ ref: "--upload-pack=touch /tmp/x" }, /invalid git ref/);
  await refuses({ checksum: "0000000" }, /expected checksum to match 0000000, got [0-9a-f]{40}$/);
  assert.ok(git("rev-parse", "HEAD"));
});

test("git source: a submodule cannot be a repository of this machine", { skip }, async (t) => {
  const { url, folder, git } = await repository(t);
  const rooms = await openTestRooms(t);
  const handler = createGitHandler({ layers: rooms.layers, dataRoot: rooms.directory, now: () => 1 });
  git("submodule", "add", "-q", `file://${folder}`, "mine");
  git("commit", "-qm", "two");
  await assert.rejects(pathsOf(rooms, handler, source(url)), { message: /transport 'file' not allowed/ });
  git("config", "-f", ".gitmodules", "submodule.mine.url", url);
  git("commit", "-qam", "three");
  assert.ok((await pathsOf(rooms, handler, source(url))).includes("mine/sub/b"));
});

async function pathsOf(
  rooms: Awaited<ReturnType<typeof openTestRooms>>,
  handler: GitHandler,
  operation: GitSource,
): Promise<readonly string[]> {
  const result = await handler.run(testStep(operation));
  await using view = await rooms.layers.openView(result.kind === "layers" ? result.diffIds : []);
  return Array.from(view.walk(), ({ path }) => path).slice(1);
}

test("git access: a remote by ssh needs the client's agent, and is told as the client tells it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-git-access-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { signal } = new AbortController();
  const session: BuildSession = {
    ...NO_SESSION,
    connectSshAgent: async () => Promise.reject(new Error("unset ssh forward key default")),
  };
  for (const remote of ["ssh://git@host/x.git", "git@host:x.git"])
    await assert.rejects(openGitAccess(remote, session, { folder, signal }), {
      message: "unset ssh forward key default",
    });
  await using lent = await openGitAccess(
    "ssh://git@host/x.git",
    { ...NO_SESSION, connectSshAgent: async () => new PassThrough() },
    { folder, signal },
  );
  assert.equal(existsSync(lent.agentSocket ?? ""), true);
});
