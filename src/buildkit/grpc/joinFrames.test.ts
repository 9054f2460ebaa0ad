import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameJoiner } from "./joinFrames.ts";

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly body: string;
}

function encode({ type, flags, stream, body }: Frame): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, Buffer.from(body)]);
}

function parse(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    const [type = -1, flags = -1] = [bytes[at + 3], bytes[at + 4]];
    frames.push({ type, flags, stream: bytes.readUInt32BE(at + 5), body: bytes.toString("utf8", at + 9, end) });
    at = end;
  }
  return frames;
}

const data = (stream: number, body: string, flags = 0): Frame => ({ type: 0, flags, stream, body });
const settings: Frame = { type: 4, flags: 0, stream: 0, body: "123456" };
const FRAMES = [
  settings,
  data(1, "a"),
  data(1, ""),
  data(1, "b"),
  data(3, "c"),
  data(3, "d", 1),
  data(3, "e"),
  { type: 8, flags: 0, stream: 0, body: "1234" },
  data(3, "f"),
  data(3, "x".repeat(16_383)),
  data(3, "y".repeat(16_384)),
];
const JOINED = [
  settings,
  data(1, "ab"),
  data(3, "c"),
  data(3, "d", 1),
  data(3, "e"),
  { type: 8, flags: 0, stream: 0, body: "1234" },
  data(3, `f${"x".repeat(16_383)}`),
  data(3, "y".repeat(16_384)),
];

test("joined frames: neighbours of one stream, no flag, up to a frame's size", () => {
  assert.deepEqual(parse(new FrameJoiner().push(Buffer.concat(FRAMES.map(encode)))), JOINED);
});

/** Neighbours joined whatever their size. */
function merged(frames: readonly Frame[]): Frame[] {
  const found: Frame[] = [];
  for (const frame of frames) {
    const last = found.at(-1);
    const isNext =
      last !== undefined && last.stream === frame.stream && last.type + last.flags + frame.type + frame.flags === 0;
    if (isNext) found.splice(-1, 1, { ...last, body: last.body + frame.body });
    else found.push(frame);
  }
  return found;
}

for (const size of [1, 7, 9, 10, 16_400])
  test(`joined frames: nothing is lost or moved in chunks of ${size} bytes`, () => {
    const all = Buffer.concat(FRAMES.map(encode));
    const joiner = new FrameJoiner();
    const out: Buffer[] = [];
    for (let at = 0; at < all.length; at += size) out.push(joiner.push(all.subarray(at, at + size)));
    assert.deepEqual(merged(parse(Buffer.concat(out))), merged(FRAMES));
  });

test("joined frames: what is too large goes by as it is, with all behind it", () => {
  const bytes = Buffer.concat([encode(data(1, "a")), encode(data(1, "z".repeat(16_385))), encode(data(1, "b"))]);
  const joiner = new FrameJoiner();
  assert.deepEqual(Buffer.concat([joiner.push(bytes.subarray(0, 50)), joiner.push(bytes.subarray(50))]), bytes);
});
