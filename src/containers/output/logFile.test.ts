import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LogFiles } from "./logFiles.ts";
import { readLogs } from "./readLogs.ts";
import type { LogRequest } from "./readLogs.ts";
import { StreamHub } from "./streamHub.ts";

async function read(log: string, options: Partial<LogRequest> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "varve-log-"));
  try {
    const path = join(folder, "log");
    await writeFile(path, log, "latin1");
    let text = "";
    const request = { stdout: true, stderr: true, framed: false, ...options };
    for await (const bytes of readLogs(new LogFiles(path, ""), request, undefined))
      text += Buffer.from(bytes).toString("latin1");
    return text;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const line = (text: string, flag = "F", stream = "stdout", second = "00"): string =>
  `2026-11-21T00:00:${second}.000000000+00:00 ${stream} ${flag} ${text}\n`;

/** Longer than the blocks that the reader takes. */
const many = Array.from({ length: 9000 }, (_, index) => line(`line ${index}`)).join("");

test("logs: every line of both streams, parts joined", async () => {
  assert.equal(await read(line("a", "P") + line("b") + line("c", "F", "stderr")), "ab\nc\n");
  assert.equal(await read(line("a", "P") + line("b") + line("c", "F", "stderr"), { stdout: false }), "c\n");
});

test("logs: tail counts lines, not parts, and a last unfinished one", async () => {
  assert.equal(await read(line("a") + line("b", "P") + line("c"), { tail: 1 }), "bc\n");
  assert.equal(await read(line("a") + line("b", "P"), { tail: 1 }), "b");
  assert.equal(await read(line("a"), { tail: 5 }), "a\n");
  assert.equal(await read(line("a"), { tail: 0 }), "");
});

test("logs: followed, a tail ends with the last finished line; what comes after it is told when it has an end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "varve-log-"));
  try {
    const path = join(folder, "log");
    await writeFile(path, line("a") + line("b") + line("c", "P"));
    const hub = new StreamHub();
    const request = { stdout: true, stderr: true, framed: false, tail: 1 };
    const told = readLogs(new LogFiles(path, ""), request, hub);
    const texts = [Buffer.from((await told.next()).value ?? []).toString()];
    await writeFile(path, line("d"), { flag: "a" });
    hub.end();
    for await (const bytes of told) texts.push(Buffer.from(bytes).toString());
    assert.deepEqual(texts, ["b\n", "cd\n"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("logs: tail over many blocks", async () => {
  assert.equal(await read(many, { tail: 2 }), "line 8998\nline 8999\n");
  assert.equal((await read(many, { tail: 8000 })).split("\n").length, 8001);
  assert.equal((await read(many)).split("\n").length, 9001);
});

test("logs: since, until and timestamps", async () => {
  const log = line("a", "F", "stdout", "01") + line("b", "P", "stdout", "02") + line("c", "F", "stdout", "03");
  const at = (second: string): bigint => BigInt(Date.parse(`2026-11-21T00:00:${second}Z`)) * 1_000_000n;
  assert.equal(await read(log, { until: at("01") }), "a\n");
  assert.equal(await read(log, { since: at("02") }), "bc\n");
  assert.equal(await read(log, { timestamps: true, since: at("02") }), "2026-11-21T00:00:02.000000000Z bc\n");
});

test("logs: details are a space before every line, behind its time", async () => {
  const log = line("a", "P") + line("b") + line("c", "F", "stderr");
  assert.equal(await read(log, { details: "" }), " ab\n c\n");
  assert.equal(await read(line("a"), { details: "", timestamps: true }), "2026-11-21T00:00:00.000000000Z  a\n");
});

test("logs: a line cut off by a crash is left out; no log is no output", async () => {
  assert.equal(await read(`${line("a")}2026-11-21T00`), "a\n");
  const files = new LogFiles("/nonexistent/log", "");
  const missing = readLogs(files, { stdout: true, stderr: true, framed: false }, undefined);
  assert.deepEqual(await missing.next(), { done: true, value: undefined });
});
