import assert from "node:assert/strict";
import { test } from "node:test";
import { LogFormatter } from "./logFormatter.ts";
import type { LogFormat } from "./logFormatter.ts";

const TIME = "2026-11-21T03:19:54.776884132";

function frames(log: string, format: Partial<LogFormat> = {}): readonly string[] {
  const formatter = new LogFormatter({ stdout: true, stderr: true, framed: true, ...format });
  const bytes = Buffer.concat([formatter.push(Buffer.from(log, "latin1")), formatter.end()]);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
    found.push(`${bytes[at]} ${bytes.toString("latin1", at + 8, at + 8 + bytes.readUInt32BE(at + 4))}`);
  return found;
}

test("log frames: one a line, parts that conmon cut are joined", () => {
  const log = `${TIME}+00:00 stdout F a\n${TIME}+00:00 stdout P b\n${TIME}+00:00 stderr F e\n${TIME}+00:00 stdout F c\n`;
  assert.deepEqual(frames(log), ["1 a\n", "2 e\n", "1 bc\n"]);
});

test("log frames: a line of more than 16 KiB comes in pieces of 16 KiB, stamped once", () => {
  const part = `${TIME}+00:00 stdout P ${"x".repeat(8192)}\n`;
  const log = `${part.repeat(5)}${TIME}+00:00 stdout F \n${TIME}+00:00 stdout F next\n`;
  const lengths = frames(log).map((frame) => frame.length - 2);
  assert.deepEqual(lengths, [16384, 16384, 8193, 5]);
  const stamped = frames(log, { timestamps: true }).map((frame) => frame.slice(2, 6));
  assert.deepEqual(stamped, ["2026", "xxxx", "xxxx", "2026"]);
});

test("log frames: what the program left without a newline is the last one", () => {
  assert.deepEqual(frames(`${TIME}+00:00 stdout P rest\n`), ["1 rest"]);
});

test("log frames: times in another zone are shown and compared in UTC", () => {
  const log = "2026-11-21T05:19:54.776884132+02:00 stdout F a\n";
  assert.deepEqual(frames(log, { timestamps: true }), [`1 ${TIME}Z a\n`]);
  const at = BigInt(Date.parse("2026-11-21T03:19:54Z")) * 1_000_000n;
  assert.equal(frames(log, { since: at }).length, 1);
  assert.equal(frames(log, { since: at + 1_000_000_000n }).length, 0);
  assert.equal(frames(log, { until: at }).length, 0);
});

test("log frames: details may be longer than what they stand before", () => {
  const log = `${TIME}+00:00 stdout F a\n`.repeat(500);
  assert.equal(frames(log, { details: "k=".padEnd(300, "v") }).length, 500);
});

test("log frames: what is no entry is left out", () => {
  assert.deepEqual(frames(`\nx\n${TIME}+00:00 stdxxx F a\n${TIME}+00:00 stdout F ok\n`), ["1 ok\n"]);
});
