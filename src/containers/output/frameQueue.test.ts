import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameQueue } from "./frameQueue.ts";

const frame = (length: number): Parameters<FrameQueue["push"]>[0] => ({
  stream: "stdout",
  bytes: Buffer.alloc(length),
});

test("frame queue: one that drops is never full, counts what it dropped, and takes a first frame of any length", async () => {
  const queue = new FrameQueue(() => undefined, 10);
  for (const length of [20, 1, 5]) queue.push(frame(length));
  assert.equal(queue.isFull, false);
  assert.equal(queue.dropped, 6);
  queue.end();
  const lengths: number[] = [];
  for await (const { bytes } of queue) lengths.push(bytes.byteLength);
  assert.deepEqual(lengths, [20]);
});
