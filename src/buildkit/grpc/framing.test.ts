import assert from "node:assert/strict";
import { test } from "node:test";
import { Deframer, frame, MAX_MESSAGE_BYTES } from "./framing.ts";
import { GrpcCode, GrpcError } from "./status.ts";

const MESSAGES = [Buffer.from("first"), Buffer.alloc(0), Buffer.alloc(70_000, 7), Buffer.from("last")];

for (const size of [1, 3, 5, 6, 4096, 1 << 20])
  test(`framing: messages come out whole from chunks of ${size} bytes`, () => {
    const stream = Buffer.concat(MESSAGES.map((message) => frame(message)));
    const deframer = new Deframer();
    const found: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) found.push(...deframer.push(stream.subarray(at, at + size)));
    assert.deepEqual(found, MESSAGES);
    assert.equal(deframer.isAtBoundary, true);
  });

test("framing: a stream that ends within a message is seen", () => {
  for (const cut of [1, 5, 7]) {
    const deframer = new Deframer();
    deframer.push(frame(Buffer.from("hello")).subarray(0, cut));
    assert.equal(deframer.isAtBoundary, false, `${cut}`);
  }
});

test("framing: compressed messages and too large ones are refused before their bytes come", () => {
  const refusal =
    (code: number) =>
    (error: unknown): boolean =>
      error instanceof GrpcError && error.status.code === code;
  assert.throws(() => new Deframer().push(Buffer.from([1, 0, 0, 0, 0])), refusal(GrpcCode.UNIMPLEMENTED));
  const large = Buffer.alloc(5);
  large.writeUInt32BE(MAX_MESSAGE_BYTES + 1, 1);
  assert.throws(() => new Deframer().push(large), refusal(GrpcCode.RESOURCE_EXHAUSTED));
});
