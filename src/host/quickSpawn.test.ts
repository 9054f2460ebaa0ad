import assert from "node:assert/strict";
import { closeSync, readFileSync, readSync } from "node:fs";
import { test } from "node:test";
import { closePipe, openPipe } from "./pipes.ts";
import { quickSpawn, sealedCopy } from "./quickSpawn.ts";

const ENV = { PATH: "/usr/bin:/bin", ONLY: "this one" };

/** Runs a shell line with its output in a pipe. */
async function said(line: string, cwd?: string): Promise<{ readonly code: number; readonly text: string }> {
  const { readEnd, writeEnd } = openPipe();
  const call = { file: "/bin/sh", args: ["-c", line], env: ENV, fds: ["ignore", writeEnd, writeEnd] as const };
  const child = quickSpawn({ ...call, ...(cwd === undefined ? {} : { cwd }) });
  closeSync(writeEnd);
  const alive = setInterval(() => undefined, 1000);
  const code = await child.ended;
  clearInterval(alive);
  const buffer = Buffer.alloc(65_536);
  const bytes = readSync(readEnd, buffer);
  closeSync(readEnd);
  return { code, text: buffer.toString("utf8", 0, bytes) };
}

test("quick spawn: arguments, environment, directory and exit status", async () => {
  const { code, text } = await said('echo "$ONLY"; pwd; env | wc -l; exit 7', "/usr");
  assert.equal(code, 7);
  assert.deepEqual(text.split("\n").slice(0, 2), ["this one", "/usr"]);
});

test("quick spawn: a signal's end is 128 and the signal", async () => {
  assert.equal((await said("kill -9 $$")).code, 137);
});

test("quick spawn: the child has no descriptor but those named, default signals and a session of its own", async () => {
  const { text } = await said(
    "ls /proc/self/fd; grep -E 'SigIgn|SigBlk' /proc/self/status; cut -d' ' -f 6 /proc/$$/stat; echo $$",
  );
  const lines = text.trim().split("\n");
  // ls itself opens the directory as 3.
  assert.deepEqual(lines.slice(0, 4), ["0", "1", "2", "3"]);
  assert.match(text, /SigBlk:\s0+\nSigIgn:\s0+\n/);
  assert.equal(lines.at(-1), lines.at(-2), "leads its session");
});

test("quick spawn: what cannot be executed is refused by errno", () => {
  const call = { args: [], env: ENV, fds: [] };
  assert.throws(() => quickSpawn({ ...call, file: "/nope" }), { category: "not_found" });
  assert.throws(() => quickSpawn({ ...call, file: "/etc/passwd" }), { category: "permission_denied" });
});

test("quick spawn: a descriptor that the child would overwrite is refused", () => {
  const pipe = openPipe();
  assert.throws(() => quickSpawn({ file: "/bin/true", args: [], env: ENV, fds: ["ignore", 0] }), /no source/);
  closePipe(pipe);
});

test("sealed copy: the same bytes, which run", async () => {
  const path = sealedCopy("/bin/true");
  assert.deepEqual(readFileSync(path), readFileSync("/bin/true"));
  assert.throws(() => closeSync(-1));
  const child = quickSpawn({ file: path, args: [], env: ENV, fds: ["ignore", "ignore", "ignore"] });
  const alive = setInterval(() => undefined, 1000);
  assert.equal(await child.ended, 0);
  clearInterval(alive);
});
