import assert from "node:assert/strict";
import { test } from "node:test";
import { logNanoseconds, parseLogLine } from "./logLine.ts";

const parse = (text: string): ReturnType<typeof parseLogLine> => parseLogLine(Buffer.from(text, "latin1"));
const TIME = "2026-11-21T03:19:54.776884132+00:00";

test("log line: a whole line has its newline, a part has none", () => {
  const whole = parse(`${TIME} stdout F a b\n`);
  assert.deepEqual([whole?.stream, whole?.complete, String(whole?.bytes)], ["stdout", true, "a b\n"]);
  const part = parse(`${TIME} stderr P a\n`);
  assert.deepEqual([part?.stream, part?.complete, String(part?.bytes)], ["stderr", false, "a"]);
  assert.equal(String(parse(`${TIME} stdout F \n`)?.bytes), "\n");
});

test("log line: bytes are kept as they are", () => {
  assert.deepEqual([...(parse(`${TIME} stdout P \0\xff \n`)?.bytes ?? [])], [0, 255, 32]);
});

test("log line: what is none is undefined", () => {
  for (const text of ["", "\n", "x", `${TIME} stdout F cut off`, `${TIME} stdin F x\n`, `${TIME} stdout\n`])
    assert.equal(parse(text), undefined, JSON.stringify(text));
});

test("log time: nanoseconds, whatever the zone", () => {
  assert.equal(logNanoseconds("1970-01-01T01:00:01.5+01:00"), 1_500_000_000n);
});
