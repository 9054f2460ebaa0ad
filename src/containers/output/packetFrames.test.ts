import assert from "node:assert/strict";
import { test } from "node:test";
import { packetFrames } from "./packetFrames.ts";

const shown = (first: string, behind: readonly string[]): readonly string[] =>
  packetFrames(
    Buffer.from(first),
    behind.map((text) => Buffer.from(text)),
  ).map(({ stream, bytes }) => `${stream}:${Buffer.from(bytes).toString()}`);

test("packets: those of one stream become one frame, in the order of both streams", () => {
  assert.deepEqual(shown("\x02a", []), ["stdout:a"]);
  assert.deepEqual(shown("\x02a", ["\x02b", "\x03c", "\x03d", "\x02e"]), ["stdout:ab", "stderr:cd", "stdout:e"]);
});

test("packets: what is neither output is passed over", () => {
  assert.deepEqual(shown("\x01a", ["\x02b", "\x07c", "\x02d"]), ["stdout:bd"]);
  assert.deepEqual(shown("\x02", []), ["stdout:"]);
});

test("packets: frames stay within 64 KiB; what is behind the first is copied", () => {
  const packet = Buffer.alloc(8192, 2);
  const behind = Array.from({ length: 20 }, () => Buffer.alloc(8192, 2));
  const frames = packetFrames(packet, behind);
  assert.equal(
    frames.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    21 * 8191,
  );
  assert.ok(frames.every(({ bytes }) => bytes.byteLength <= 65_536));
  for (const part of behind) part.fill(9);
  assert.ok(frames.every(({ bytes }) => !Buffer.from(bytes).includes(9)));
});
