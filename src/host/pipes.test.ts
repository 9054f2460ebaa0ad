import assert from "node:assert/strict";
import { closeSync, fstatSync } from "node:fs";
import { test } from "node:test";
import { closePipe, openPipe, pipeStream } from "./pipes.ts";

test("pipes: what goes in at one end comes out at the other, and its end too", async () => {
  const { readEnd, writeEnd } = openPipe();
  assert.ok(fstatSync(readEnd).isFIFO());
  const input = pipeStream(writeEnd, "writable");
  const output = pipeStream(readEnd, "readable");
  input.end("hello");
  let text = "";
  for await (const chunk of output) text += String(chunk);
  assert.equal(text, "hello");
});

test("pipes: both ends are closed", () => {
  const ends = openPipe();
  closePipe(ends);
  assert.throws(() => closeSync(ends.readEnd), /EBADF/);
  assert.throws(() => closeSync(ends.writeEnd), /EBADF/);
});
