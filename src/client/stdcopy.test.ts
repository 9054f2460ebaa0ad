import assert from "node:assert/strict";
import { test } from "node:test";
import { readJsonLines } from "./jsonLines.ts";
import { demultiplex } from "./stdcopy.ts";

function frame(kind: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(bytes.byteLength, 4);
  return Buffer.concat([header, bytes]);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function collect(bytes: Buffer, size: number): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for await (const piece of demultiplex(cut(bytes, size)))
    text[piece.stream] += Buffer.from(piece.bytes).toString("latin1");
  return text;
}

test("multiplexed stream: comes apart the same wherever it is cut", async () => {
  const bytes = Buffer.concat([frame(1, "out1"), frame(2, "err"), frame(1, ""), frame(0, "in"), frame(1, "out2")]);
  for (let size = 1; size <= bytes.byteLength; size += 1) {
    assert.deepEqual(await collect(bytes, size), { stdout: "out1inout2", stderr: "err" }, `cut by ${size}`);
  }
});

test("multiplexed stream: ends without failing inside a frame", async () => {
  assert.deepEqual(await collect(frame(1, "abcdef").subarray(0, 11), 4), { stdout: "abc", stderr: "" });
});

test("multiplexed stream: the daemon's error inside it fails with its text", async () => {
  await assert.rejects(collect(Buffer.concat([frame(1, "a"), frame(3, "disk gone")]), 5), {
    message: "error from daemon in stream: disk gone",
  });
});

test("multiplexed stream: an unknown kind is refused", async () => {
  await assert.rejects(collect(frame(9, "x"), 100), { message: "Unrecognized input header: 9" });
});

test("JSON lines: values come whole wherever the stream is cut, empty lines are skipped", async () => {
  const bytes = Buffer.from('{"a":"ä"}\r\n\n{"b":1}\n[1]');
  for (let size = 1; size <= bytes.byteLength; size += 1) {
    assert.deepEqual(await Array.fromAsync(readJsonLines(cut(bytes, size))), [{ a: "ä" }, { b: 1 }, [1]]);
  }
});

test("JSON lines: a line that is no JSON fails", async () => {
  await assert.rejects(Array.fromAsync(readJsonLines(cut(Buffer.from("{"), 1))), { category: "data_loss" });
});
