import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LogFiles } from "./logFiles.ts";
import { readLogs } from "./readLogs.ts";
import type { LogRequest } from "./readLogs.ts";
import { StreamHub } from "./streamHub.ts";

const line = (text: string): string => `2026-11-21T00:00:00.000000000+00:00 stdout F ${text}\n`;

/** A log whose monitor is played by the test: it writes a file's worth and learns of a turn by the file's name. */
function openLog(
  t: TestContext,
  limits: Partial<Parameters<LogFiles["limit"]>[0]> = {},
): { files: LogFiles; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "varve-logs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const control = join(folder, "ctl");
  writeFileSync(control, "");
  const files = new LogFiles(join(folder, "container.log"), control);
  files.limit({ maxBytes: 1000, maxFiles: 3, compress: false, ...limits });
  return { files, folder };
}

const whole = (name: string): string => Array.from({ length: 30 }, (_, index) => line(`${name}${index}`)).join("");

function write(files: LogFiles, text: string): void {
  writeFileSync(files.path, text);
  files.wrote(1_000_000);
}

async function read(files: LogFiles, request: Partial<LogRequest> = {}): Promise<string> {
  let text = "";
  const all = { stdout: true, stderr: true, framed: false, ...request };
  for await (const bytes of readLogs(files, all, undefined)) text += Buffer.from(bytes).toString();
  return text;
}

test("log files: a full one is turned, the monitor told, the oldest goes", async (t) => {
  const { files, folder } = openLog(t);
  for (const name of ["a", "b", "c", "d"]) write(files, whole(name));
  writeFileSync(files.path, line("e"));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("container")),
    ["container.log", "container.log.1", "container.log.2"],
  );
  assert.equal(readFileSync(join(folder, "ctl"), "utf8"), "2 0 0\n");
  const lines = (await read(files)).split("\n");
  assert.deepEqual([lines[0], lines[29], lines[30], lines[60]], ["c0", "c29", "d0", "e"]);
  assert.equal(await read(files, { tail: 2 }), "d29\ne\n");
  assert.equal((await read(files, { tail: 40 })).split("\n")[0], "c21");
  assert.equal((await read(files, { tail: 400 })).split("\n")[0], "c0");
});

test("log files: one file only means that a full one is gone", async (t) => {
  const { files } = openLog(t, { maxFiles: 1 });
  write(files, whole("a"));
  writeFileSync(files.path, line("b"));
  assert.equal(await read(files), "b\n");
});

test("log files: compressed ones read as plain ones", async (t) => {
  const { files } = openLog(t, { compress: true });
  write(files, whole("a"));
  writeFileSync(files.path, line("b"));
  for (let attempt = 0; attempt < 500 && !existsSync(`${files.path}.1.gz`); attempt += 1) await sleep(10);
  assert.equal(existsSync(`${files.path}.1`), false);
  const lines = (await read(files)).split("\n");
  assert.deepEqual([lines[0], lines[30]], ["a0", "b"]);
  assert.equal(await read(files, { tail: 3 }), "a28\na29\nb\n");
});

test("log files: what grew while no daemon was there is cut to its bound when it is taken up", async (t) => {
  const { files } = openLog(t);
  writeFileSync(files.path, Array.from({ length: 5000 }, (_, index) => line(`n${index}`)).join(""));
  await files.takeUp();
  const lines = (await read(files)).trim().split("\n");
  assert.equal(lines.at(-1), "n4999");
  assert.ok(lines.length < 30 && lines.length > 10, String(lines.length));
});

test("log files: a follower goes through every turn, and ends with the run", async (t) => {
  const { files } = openLog(t);
  const hub = new StreamHub();
  write(files, whole("a"));
  writeFileSync(files.path, line("b"));
  let text = "";
  const following = (async (): Promise<void> => {
    const request = { stdout: true, stderr: true, framed: false };
    for await (const bytes of readLogs(files, request, hub)) text += Buffer.from(bytes).toString();
  })();
  for (let attempt = 0; attempt < 500 && !text.endsWith("b\n"); attempt += 1) await sleep(5);
  write(files, line("b") + whole("c"));
  writeFileSync(files.path, line("d"));
  hub.end();
  await following;
  const lines = text.trim().split("\n");
  assert.deepEqual([lines[0], lines[30], lines[31], lines[60], lines[61]], ["a0", "b", "c0", "c29", "d"]);
});
