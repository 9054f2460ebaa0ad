import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { hasCode, isCancelled } from "#errors";
import { findProgram } from "./findProgram.ts";
import { processStartTime, reapProcess, waitForProcess } from "./processes.ts";
import { runProgram } from "./runProgram.ts";
import { spawnProcess } from "./spawnProcess.ts";

const SHELL = findProgram("sh") ?? "";
const shell = (script: string): { readonly file: string; readonly args: readonly string[] } => ({
  file: SHELL,
  args: ["-c", script],
});

test("findProgram: by name, by path, and nothing else", () => {
  assert.match(SHELL, /^\/.*\/sh$/);
  assert.equal(findProgram(SHELL), SHELL);
  assert.equal(findProgram("/etc/passwd"), undefined);
  assert.equal(findProgram("/etc"), undefined);
  assert.equal(findProgram("varve-no-such-program"), undefined);
});

test("runProgram: output apart, exit status, input", async () => {
  const result = await runProgram({ ...shell("cat; echo err >&2; exit 7"), input: "in" });
  assert.deepEqual([result.code, String(result.stdout), String(result.stderr)], [7, "in", "err\n"]);
});

test("runProgram: a signal counts as a shell counts it", async () => {
  assert.equal((await runProgram(shell("kill -TERM $$"))).code, 143);
});

test("runProgram: output beyond the limit is dropped, the program ends all the same", async () => {
  const result = await runProgram({ ...shell("head -c 300000 /dev/zero"), maxOutputBytes: 1000 });
  assert.deepEqual([result.code, result.stdout.length], [0, 1000]);
});

test("runProgram: input that nobody reads is no failure", async () => {
  assert.equal((await runProgram({ ...shell("exit 0"), input: Buffer.alloc(1 << 20) })).code, 0);
});

test("runProgram: a missing program is MISSING_PROGRAM", async () => {
  await assert.rejects(runProgram({ file: "/nonexistent/tool", args: [] }), (error) =>
    hasCode(error, "MISSING_PROGRAM"),
  );
});

test("runProgram: aborting kills the program", async () => {
  const controller = new AbortController();
  const running = runProgram({ file: findProgram("sleep") ?? "", args: ["1000"], signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(running, isCancelled);
  await assert.rejects(runProgram({ ...shell("true"), signal: AbortSignal.abort() }), isCancelled);
});

test("spawnProcess: the child gets no files but its streams, not even those that this process inherited", async () => {
  const script = `
    const { runProgram } = await import(${JSON.stringify(new URL("./runProgram.ts", import.meta.url).href)});
    const { stdout } = await runProgram({ file: ${JSON.stringify(SHELL)}, args: ["-c", "ls /proc/self/fd | wc -l"] });
    process.stdout.write(stdout);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit", "ignore", "pipe"],
  });
  // 0, 1, 2 and the directory that ls reads
  assert.equal(String(await child.stdout?.toArray()).trim(), "4");
});

test("spawnProcess: the child sees only the given environment", async () => {
  const result = await runProgram({ ...shell("echo $VARVE_T-$HOME"), env: { VARVE_T: "1" } });
  assert.equal(String(result.stdout), "1-\n");
});

test("spawnProcess: a detached child leads its own session", async () => {
  const child = await spawnProcess({ ...shell("exec sleep 1000"), stdio: "ignore", detached: true });
  const { pid = 0 } = child;
  const ended = waitForProcess(pid);
  process.kill(-pid, "SIGKILL");
  await ended;
});

test("processes: a start time names a process, not its number", () => {
  assert.ok((processStartTime(process.pid) ?? 0) > 0);
  assert.equal(processStartTime(process.pid), processStartTime(process.pid));
  assert.equal(processStartTime(0x3fffff), undefined);
});

test("waitForProcess: resolves at the end of a process that is not watched otherwise", async () => {
  // A grandchild: its parent is gone, so that only its pidfd can tell.
  const { stdout } = await runProgram(shell("sleep 0.1 >/dev/null & echo $!"));
  const pid = Number(stdout);
  await waitForProcess(pid);
  assert.equal(processStartTime(pid), undefined);
});

test("waitForProcess: resolves at once without such a process, and when aborted", async () => {
  await waitForProcess(0x3fffff);
  const child = spawn("sleep", ["1000"]);
  const controller = new AbortController();
  const waiting = waitForProcess(child.pid ?? 0, controller.signal);
  controller.abort();
  await waiting;
  await waitForProcess(child.pid ?? 0, AbortSignal.abort());
  assert.notEqual(processStartTime(child.pid ?? 0), undefined);
  child.kill("SIGKILL");
});

test("waitForProcess: does not keep this program alive", async () => {
  const script = `import { waitForProcess } from ${JSON.stringify(new URL("./processes.ts", import.meta.url).href)}; void waitForProcess(process.ppid);`;
  const result = await runProgram({ file: process.execPath, args: ["--input-type=module", "-e", script] });
  assert.equal(result.code, 0, String(result.stderr));
});

test("reapProcess: undefined for what is no child of ours", () => {
  assert.equal(reapProcess(1), undefined);
});

test("adoptOrphans: the end of an orphan is taken, that of an own child is left to Node", async () => {
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { readFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { adoptOrphans } from ${url("./orphans.ts")};
    import { runProgram } from ${url("./runProgram.ts")};
    adoptOrphans();
    const { stdout, code } = await runProgram({ file: ${JSON.stringify(SHELL)}, args: ["-c", "sleep 0.1 >/dev/null & echo $!; exit 7"] });
    const status = "/proc/" + String(stdout).trim() + "/status";
    for (;;) {
      try { readFileSync(status); } catch { break; }
      await sleep(20);
    }
    process.stdout.write("gone " + code);`;
  const result = await runProgram({ file: process.execPath, args: ["--input-type=module", "-e", script] });
  assert.equal(String(result.stdout), "gone 7", String(result.stderr));
});
